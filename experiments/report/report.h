// The report on stored suites: claims, tables, figures, and how to get them again.
#pragma once

#include <span>
#include <string>

#include "experiments/ablations/suite_results.h"
#include "experiments/efficiency/bench_rows.h"

namespace nvlm::experiments {

/// One HTML page that needs nothing else: style and figures are inside, and there is no script. It
/// can be read from 480 pixels on, printed, and follows the reader's light or dark scheme.
/// bench   adds a section on speed and memory; may be empty
/// throws  std::invalid_argument without a suite; as draw_panels
std::string html_report(std::span<const EvaluatedSuite> suites,
                        std::span<const BenchRow> bench = {});

/// The same claims, tables and captions as Markdown.
/// throws  std::invalid_argument without a suite
std::string markdown_report(std::span<const EvaluatedSuite> suites,
                            std::span<const BenchRow> bench = {});

}  // namespace nvlm::experiments
