// Second step of an evaluation: score the predictions that stand in a file. No model is needed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "eval/statistics/bootstrap.h"
#include "eval/tasks/tables_task.h"

namespace nvlm::eval {

struct ScoreOptions {
  BootstrapOptions bootstrap = {};
  /// Leave items without a prediction out, for a look at an unfinished run. Otherwise they count as
  /// failures.
  bool predicted_only = false;
};

struct ScoreFailure {
  std::string id;
  std::string error;
};

struct ScoreSummary {
  int64_t num_items = 0;    // scored
  int64_t num_skipped = 0;  // left out because of predicted_only
  /// By name: teds, teds_structure, teds_with_spans, teds_without_spans (by the truth's spans),
  /// cer, exact_match, well_formed, seconds. Where there is no value (no item with spans), no
  /// entry.
  std::map<std::string, MeanInterval> scores;
  std::vector<ScoreFailure> failures;      // failed or missing predictions; they score 0, cer 1
  std::vector<std::string> without_table;  // ids of predictions that hold no table; the same
  std::vector<std::string> bounded;        // ids of tables so large that TEDS is a lower bound
};

/// Reads run_dir/predictions.jsonl and writes run_dir/scores.json (means with n and bootstrap
/// intervals, drawn by document; failures by id; hashes of items and truth; version of the
/// canonical text) and run_dir/item_scores.jsonl (one object per item). For the scores see
/// score_table; seconds are of items that did not fail. throws  std::runtime_error: the file is
/// missing or empty, has unknown or duplicate ids, or a
///         line that was not finished
ScoreSummary score(const TablesTask& task, const std::filesystem::path& run_dir,
                   const ScoreOptions& options = {});

}  // namespace nvlm::eval
