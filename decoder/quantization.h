// A decoder with its linear maps in 8 or 4 bits, and what that changes.
#pragma once

#include <vector>

#include "common/quantized_matrix.h"
#include "decoder/llama.h"

namespace nvlm::decoder {

/// Quantises the linear maps of all layers, in place and for good. Embedding, norms, biases and the
/// head keep their dtype: a tied head is the embedding, which is read by rows, and the head's
/// errors would meet no later layer that averages them. The model serves inference on the CPU from
/// now on and cannot be saved.
void quantize(LlamaForCausalLMImpl& model, Quantization kind);

/// What separates two models, or one before and after.
struct LogitChange {
  double mean_absolute = 0;  // of the difference of logits
  double perplexity_before = 0, perplexity_after = 0;
};

/// Logits of every position of a text: [tokens, vocab], float32.
/// tokens  at least one
Tensor text_logits(LlamaForCausalLMImpl& model, const std::vector<int64_t>& tokens);

/// Compares what text_logits() gave for the same text; the perplexity is of all tokens but the
/// first.
/// throws  c10::Error if shapes disagree or there are fewer than two tokens
LogitChange logit_change(const Tensor& before, const Tensor& after,
                         const std::vector<int64_t>& tokens);

}  // namespace nvlm::decoder
