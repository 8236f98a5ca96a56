#include "eval/tasks/question_task.h"

#include "eval/metrics/anls.h"
#include "eval/metrics/answer_match.h"
#include "eval/metrics/containment.h"
#include "eval/metrics/relaxed_accuracy.h"
#include "eval/metrics/vqa_accuracy.h"

namespace nvlm::eval {
namespace {

const char* metric_name(QuestionMetric metric) {
  switch (metric) {
    case QuestionMetric::kAnls:
      return "anls";
    case QuestionMetric::kVqaAccuracy:
      return "vqa_accuracy";
    case QuestionMetric::kRelaxedAccuracy:
      return "relaxed_accuracy";
    case QuestionMetric::kContainsText:
    case QuestionMetric::kContainsFormula:
      return "contains_answer";
    case QuestionMetric::kChoice:
      return "choice_accuracy";
    case QuestionMetric::kExactMatch:
      break;
  }
  return "exact_match";
}

double metric_value(const QuestionItem& item, const std::string& answer) {
  const auto any = [&](auto matches) {
    for (const std::string& accepted : item.answers) {
      if (matches(answer, accepted)) return 1.0;
    }
    return 0.0;
  };
  switch (item.metric) {
    case QuestionMetric::kAnls:
      return anls(answer, item.answers);
    case QuestionMetric::kVqaAccuracy:
      return vqa_accuracy(answer, item.answers);
    case QuestionMetric::kRelaxedAccuracy:
      return any(relaxed_match);
    case QuestionMetric::kContainsText:
      return contains_answer(answer, item.answers) ? 1.0 : 0.0;
    case QuestionMetric::kContainsFormula:
      return contains_answer(answer, item.answers, ContainmentRule::kFormula) ? 1.0 : 0.0;
    case QuestionMetric::kChoice:
      return any(choice_match);
    case QuestionMetric::kExactMatch:
      break;
  }
  return exact_match(answer, item.answers) ? 1.0 : 0.0;
}

}  // namespace

std::string QuestionTask::main_score() const {
  return items.empty() ? "exact_match" : metric_name(items.front().metric);
}

ItemScores QuestionTask::score(size_t index, const std::string& answer) const {
  const QuestionItem& item = items[index];
  ItemScores scores;
  if (item.metric != QuestionMetric::kChoice) {
    scores.values["exact_match"] = exact_match(answer, item.answers) ? 1.0 : 0.0;
  }
  scores.values[metric_name(item.metric)] = metric_value(item, answer);
  return scores;
}

std::map<std::string, double> QuestionTask::failed_scores(size_t index) const {
  const QuestionMetric metric = items[index].metric;
  std::map<std::string, double> scores{{metric_name(metric), 0.0}};
  if (metric != QuestionMetric::kChoice) scores["exact_match"] = 0.0;
  return scores;
}

}  // namespace nvlm::eval
