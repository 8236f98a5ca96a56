// item_scores.jsonl: what every item of a run scored, enough to compare runs without anything else.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/json.h"

namespace nvlm::eval {

/// One line of the file.
struct ItemScoreLine {
  std::string id, document, truth_sha256;
  std::map<std::string, double> scores;
  std::map<std::string, std::string> groups;
  std::vector<std::string> flags;
  std::optional<double> seconds;  // that the reader took, where it was asked
  std::string error;              // why the scores are the worst; empty if they are not
};

/// {"id", "document", "truth_sha256", "scores": {name: number}, "groups": {name: group}, "flags":
/// [..], "seconds", "error"}; the last four where there are any.
Json item_score_json(const ItemScoreLine& line);

/// Reads run_dir/item_scores.jsonl.
/// throws  std::runtime_error with path and line: the file is missing, empty, not such an object,
/// an
///         id twice, a score that is no finite number (NaN is written as null), other scores than
///         those of the first line
std::vector<ItemScoreLine> read_item_scores(const std::filesystem::path& run_dir);

}  // namespace nvlm::eval
