// What the runner needs to know of a task: pictures, questions, and a score for an answer.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/json.h"

namespace nvlm::eval {

/// One picture and what is asked about it.
struct TaskItem {
  std::string id;
  std::filesystem::path image;
  std::string document;  // items of one document are not independent; the id where none is named
  std::string question;  // empty: what the reader was made for
  std::string truth_sha256;
  std::map<std::string, std::string> groups;  // for the breakdown: "spans" -> "yes"
};

/// What an answer is worth.
struct ItemScores {
  std::map<std::string, double> values;  // by name, finite; the same names for every item
  std::vector<std::string> flags;        // what to know about it: "without_table"
};

/// A list of items with their truth. Scores are named after the metric; those of errors (is_error)
/// are better when small.
class Task {
 public:
  virtual ~Task() = default;

  virtual std::string name() const = 0;        // "tables", "docvqa"
  virtual std::string main_score() const = 0;  // the one to look at first: "teds"
  virtual size_t num_items() const = 0;
  virtual const TaskItem& item(size_t index) const = 0;

  /// Scores of an answer to item `index`.
  /// throws  std::runtime_error if it cannot be scored; then the item counts as failed
  virtual ItemScores score(size_t index, const std::string& answer) const = 0;
  /// What an item without an answer scores: the worst of every score.
  virtual std::map<std::string, double> failed_scores(size_t index) const = 0;
  /// What else belongs into the report: version of the rules, kind of truth.
  virtual Json description() const { return Json::object(); }

  std::filesystem::path source;  // the file or folder that the items are from
  std::string item_list_sha256;  // of the lines "id<tab>image"; tells lists of items apart
  std::string truth_sha256;      // of the truths that are scored, in order
};

/// Whether a score of this name is better when it is smaller: cer, wer, ned, seconds.
bool is_error_score(const std::string& name);

}  // namespace nvlm::eval
