// What the survey and the paper claim of the three ways, against the evidence of stored suites.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "experiments/ablations/suite_results.h"
#include "experiments/efficiency/bench_rows.h"

namespace nvlm::experiments {

enum class ClaimVerdict { kConfirmed, kRefuted, kNotDistinguishable, kNotMeasured };

/// "confirmed", "refuted", "not distinguishable", "not measured"
std::string claim_verdict_name(ClaimVerdict verdict);

struct ClaimResult {
  std::string claim;  // a sentence
  std::string where;  // "fusion, equal samples"; empty where nothing measures it
  ClaimVerdict verdict = ClaimVerdict::kNotMeasured;
  std::string evidence;  // the figures that decide, in a sentence
};

/// Every claim against every suite and matching that measures it; a claim that none measures is
/// there once, as not measured.
///
///   X fastest at high resolution  latency of an answer, X against D and H, paired by seed; decided
///                                 where the pictures have 4 tiles or more on average; and seconds
///                                 to the first token in `bench`, at the most tiles that all three
///                                 were measured with: confirmed where 95% of X's repeats are
///                                 quicker than the median of D and of H, refuted where 95% of D's
///                                 or of H's are quicker than X's median
///   D best at OCR                 D against X and H, by the suite's comparisons
///   H between or best             confirmed where H is better than one of the others, refuted
///                                 where it is worse than both
///   tags help                     1-D tags against none
///   text ability kept             training with text-only data against the model before: kept
///                                 where the whole interval lies within the effect of interest
///
/// Verdicts rest on Holm-adjusted tests, those on latency on 97.5% intervals (two tests).
/// source: NVLM (arXiv 2409.11402) §4 and tables 1, 2, 3, 7, 8
std::vector<ClaimResult> judge_claims(std::span<const EvaluatedSuite> suites,
                                      std::span<const BenchRow> bench = {});

}  // namespace nvlm::experiments
