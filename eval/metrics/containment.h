// OCRBench's rule: an answer is right if it contains an accepted text.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace nvlm::eval {

enum class ContainmentRule {
  kText,    // lower case, newlines become blanks, trimmed
  kFormula  // data set HME100k: newlines and blanks removed, case counts
};

/// Whether one of `answers` is a substring of the prediction, both by `rule`. The benchmark's score
/// is the number of right ones among its 1,000 questions.
/// throws  std::invalid_argument if there is no answer
/// source: Liu et al. 2023 (arXiv 2305.07895), example.py of Yuliang-Liu/MultimodalOCR
bool contains_answer(std::string_view prediction, std::span<const std::string> answers,
                     ContainmentRule rule = ContainmentRule::kText);

}  // namespace nvlm::eval
