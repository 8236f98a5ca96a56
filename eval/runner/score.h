// Second step of an evaluation: score the predictions that stand in a file. No model is needed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "eval/statistics/bootstrap.h"
#include "eval/tasks/task.h"

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

/// Mean of each score by its name. Where there is no value, no entry.
using ScoreMeans = std::map<std::string, MeanInterval>;

struct ScoreSummary {
  int64_t num_items = 0;    // scored
  int64_t num_skipped = 0;  // left out because of predicted_only
  ScoreMeans scores;        // those of the task, and seconds
  /// The same by group: breakdown["spans"]["yes"]["teds"].
  std::map<std::string, std::map<std::string, ScoreMeans>> breakdown;
  std::vector<ScoreFailure> failures;  // failed or missing predictions; they score the worst
  std::map<std::string, std::vector<std::string>> flagged;  // ids by flag of ItemScores
};

/// Reads run_dir/predictions.jsonl and writes run_dir/scores.json (means with n and bootstrap
/// intervals, drawn by document, of all items and by group; failures by id; hashes of items and
/// truth) and run_dir/item_scores.jsonl (item_score_file.h). seconds are of items that did not
/// fail. A score that is not finite makes its item fail. throws  std::runtime_error: the file is
/// missing or empty, has unknown or duplicate ids, or a line
///         that was not finished
ScoreSummary score(const Task& task, const std::filesystem::path& run_dir,
                   const ScoreOptions& options = {});

}  // namespace nvlm::eval
