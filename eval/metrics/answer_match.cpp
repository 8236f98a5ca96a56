#include "eval/metrics/answer_match.h"

#include <algorithm>
#include <stdexcept>

#include "eval/metrics/vqa_answer.h"
#include "eval/text/code_points.h"

namespace nvlm::eval {
namespace {

std::u32string folded(std::string_view text) {
  return collapse_spaces(decode_utf8(lower_case(text)));
}

}  // namespace

bool exact_match(std::string_view prediction, std::span<const std::string> answers) {
  if (answers.empty()) {
    throw std::invalid_argument("exact_match: a question without accepted answers");
  }
  const std::u32string given = folded(prediction);
  return std::any_of(answers.begin(), answers.end(),
                     [&](const std::string& answer) { return folded(answer) == given; });
}

bool choice_match(std::string_view prediction, std::string_view answer) {
  const std::string given = normalize_vqa_answer(prediction, VqaArticles::kKeep);
  return !given.empty() && given == normalize_vqa_answer(answer, VqaArticles::kKeep);
}

}  // namespace nvlm::eval
