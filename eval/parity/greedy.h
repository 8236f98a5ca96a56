// Greedy continuations, compared token by token; private to this folder.
#pragma once

#include <string>

#include "decoder/generation.h"
#include "eval/parity/case_folder.h"

namespace nvlm::eval {

/// Continues the prompts by as many tokens as are expected, none of which stops them, and compares
/// these tokens and, where wanted, the logits of each step.
/// tokens  name of the expected tokens, int64 [batch, new tokens]; another shape is not compared
/// steps   name of the expected logits, [batch, new tokens, vocab]
void compare_greedy_tokens(decoder::LlamaForCausalLM& model, const decoder::DecoderInputs& prompt,
                           const std::string& tokens, const std::string& steps,
                           TensorComparison& comparison);

}  // namespace nvlm::eval
