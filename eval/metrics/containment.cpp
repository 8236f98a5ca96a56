#include "eval/metrics/containment.h"

#include <algorithm>
#include <stdexcept>

#include "eval/text/code_points.h"

namespace nvlm::eval {
namespace {

std::string by_rule(std::string_view text, ContainmentRule rule) {
  std::string result(text);
  if (rule == ContainmentRule::kFormula) {
    std::erase_if(result, [](char c) { return c == ' ' || c == '\n'; });
    return result;
  }
  result = lower_case(result);
  std::replace(result.begin(), result.end(), '\n', ' ');
  const size_t first = result.find_first_not_of(" \t\r");
  if (first == std::string::npos) return "";
  return result.substr(first, result.find_last_not_of(" \t\r") - first + 1);
}

}  // namespace

bool contains_answer(std::string_view prediction, std::span<const std::string> answers,
                     ContainmentRule rule) {
  if (answers.empty()) {
    throw std::invalid_argument("contains_answer: a question without accepted answers");
  }
  const std::string given = by_rule(prediction, rule);
  return std::any_of(answers.begin(), answers.end(), [&](const std::string& answer) {
    return given.find(by_rule(answer, rule)) != std::string::npos;
  });
}

}  // namespace nvlm::eval
