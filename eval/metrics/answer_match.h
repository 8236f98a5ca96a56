// Answers that are either right or wrong.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace nvlm::eval {

/// Whether the prediction equals one of `answers` in lower case with white space collapsed.
/// throws  std::invalid_argument if there is no answer
bool exact_match(std::string_view prediction, std::span<const std::string> answers);

/// Whether a multiple-choice answer names the right option: equal by normalize_vqa_answer, so "B",
/// "(b)" and "B." are the same and "B. a cat" is not. An empty prediction is wrong.
/// source: evaluate_vqav2.py of NVIDIA/Megatron-LM, tasks AI2D and RealworldQA
/// differs: articles are kept; the reference drops the option "A" as one, and then every prediction
///          without words matches it
bool choice_match(std::string_view prediction, std::string_view answer);

}  // namespace nvlm::eval
