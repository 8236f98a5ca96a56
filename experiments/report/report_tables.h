// The tables of a report, as plain text cells; written as HTML and as Markdown.
#pragma once

#include <span>

#include "eval/table/table.h"
#include "experiments/ablations/suite_results.h"
#include "experiments/efficiency/bench_rows.h"
#include "experiments/report/claims.h"

namespace nvlm::experiments {

/// claim, where, verdict, evidence
eval::Table claims_table(std::span<const ClaimResult> claims);

/// One row per arm: matching, arm, mean of the headline metric, 95% interval over seeds, samples,
/// trainable parameters, training FLOPs, FLOPs and latency of an answer.
eval::Table arms_table(const SuiteResults& results);

/// One row per planned comparison: matching, arm against baseline, difference, 95% interval, p,
/// Holm-adjusted p, minimum detectable effect, verdict, note. The table has its header alone where
/// nothing was planned.
eval::Table comparisons_table(const SuiteResults& results);

/// One row per measured cell: model, tiles, tile size, batch, positions of the decoder, tokens of
/// the memory, milliseconds to the first token, of the prompt and of a decoded token, each with
/// measured / predicted.
eval::Table bench_table(std::span<const BenchRow> rows);

}  // namespace nvlm::experiments
