// What a decoder gives to each token of a text.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "decoder/llama.h"

namespace nvlm::eval {

/// Log-probability, in nats, of every token but the first, given those before it: the whole text
/// where it fits into `context` tokens, otherwise at least context / 2 of them (windows of
/// `context` tokens, moved by half of it, score their second half). tokens   at least two context
/// at least 2 returns  tokens - 1 numbers, each at most 0 throws   std::invalid_argument for too
/// few tokens or too small a context
std::vector<double> token_log_probabilities(decoder::LlamaForCausalLM& model,
                                            std::span<const int64_t> tokens, int64_t context);

}  // namespace nvlm::eval
