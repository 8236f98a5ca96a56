// Questions about pictures, each with its accepted answers and the metric that compares them.
#pragma once

#include <string>
#include <vector>

#include "eval/tasks/task.h"

namespace nvlm::eval {

enum class QuestionMetric {
  kAnls,             // anls.h
  kVqaAccuracy,      // vqa_accuracy.h
  kRelaxedAccuracy,  // relaxed_accuracy.h
  kContainsText,     // containment.h
  kContainsFormula,  // containment.h, the rule for HME100k
  kChoice,           // choice_match of answer_match.h
  kExactMatch        // exact_match of answer_match.h
};

struct QuestionItem : TaskItem {
  std::vector<std::string> answers;  // accepted ones, at least one
  QuestionMetric metric = QuestionMetric::kAnls;
};

/// The score is named after the metric: anls, vqa_accuracy, relaxed_accuracy, contains_answer,
/// choice_accuracy, exact_match. exact_match is there in any case but for choices.
struct QuestionTask : Task {
  explicit QuestionTask(std::string name) : task_name(std::move(name)) {}

  std::string task_name;
  std::vector<QuestionItem> items;

  std::string name() const override { return task_name; }
  std::string main_score() const override;  // that of the first item
  size_t num_items() const override { return items.size(); }
  const TaskItem& item(size_t index) const override { return items[index]; }
  ItemScores score(size_t index, const std::string& answer) const override;
  std::map<std::string, double> failed_scores(size_t index) const override;
};

}  // namespace nvlm::eval
