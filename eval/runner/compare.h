// Runs of one task side by side, from their item_scores.jsonl alone.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "common/json.h"
#include "eval/runner/item_score_file.h"
#include "eval/statistics/paired.h"

namespace nvlm::eval {

/// The scores of a finished run and the folder they are from.
struct ScoredRun {
  std::filesystem::path folder;
  std::vector<ItemScoreLine> items;
};

/// throws  std::runtime_error as read_item_scores
ScoredRun open_scored_run(const std::filesystem::path& folder);

/// By score, the second run against the first; drawn and flipped by document.
using RunComparison = std::map<std::string, PairedComparison>;

/// metrics  which scores; empty: all, and seconds where every item of both runs has them
/// throws   std::runtime_error naming both folders: an item that only one run has, another truth or
///          document of the same id, a metric that a run lacks (with the known ones)
RunComparison compare_runs(const ScoredRun& first, const ScoredRun& second,
                           std::span<const std::string> metrics = {},
                           const PairedOptions& options = {});

/// {"first", "second", "num_items", "metrics": {name: {difference, low, high, p_value, exact,
/// effect_size, minimum_detectable_effect, verdict, n, num_documents}}}
Json comparison_json(const ScoredRun& first, const ScoredRun& second,
                     const RunComparison& comparison);

/// A Markdown table of several runs, one row each: mean and bootstrap interval per score, and
/// behind it, from the second run on, the verdict against the first. Every run must have the items
/// of the first. `metrics` as above. throws  std::runtime_error as compare_runs;
/// std::invalid_argument without a run
std::string runs_report(std::span<const ScoredRun> runs, std::span<const std::string> metrics = {},
                        const PairedOptions& options = {});

}  // namespace nvlm::eval
