#include "eval/metrics/vqa_accuracy.h"

#include <algorithm>
#include <stdexcept>

#include "eval/metrics/vqa_answer.h"

namespace nvlm::eval {

double vqa_accuracy(std::string_view prediction, std::span<const std::string> answers) {
  if (answers.empty()) {
    throw std::invalid_argument("vqa_accuracy: a question without accepted answers");
  }
  const std::string given = normalize_vqa_answer(prediction);
  const auto matches = static_cast<double>(std::count_if(
      answers.begin(), answers.end(),
      [&](const std::string& answer) { return normalize_vqa_answer(answer) == given; }));
  if (answers.size() == 1) return matches;
  const auto total = static_cast<double>(answers.size());
  const double without_match = std::min(1.0, matches / 3.0);  // one that disagrees is left out
  const double without_one = std::min(1.0, (matches - 1.0) / 3.0);
  return ((total - matches) * without_match + (matches > 0.0 ? matches * without_one : 0.0)) /
         total;
}

}  // namespace nvlm::eval
