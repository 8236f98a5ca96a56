// Cross-entropy of the next token, summed over what is labelled.
#pragma once

#include "common/tensor.h"
#include "decoder/llama.h"

namespace nvlm::decoder {

/// Labels of this value do not count.
inline constexpr int64_t kIgnoredLabel = -100;

/// Sum and count apart, so that a mean over several batches or machines weighs each token alike.
struct LossSum {
  Tensor sum;    // scalar, float32 (double for double), nats; with gradient
  Tensor count;  // scalar, int64: labelled tokens that have a predecessor

  /// Nats per labelled token; NaN if there is none.
  Tensor mean() const { return sum / count; }
};

/// labels[b, t] is the token at position t itself; the shift happens here: logits at t are scored
/// against the label at t + 1, and the label at position 0 does not count.
/// logits  [batch, seq, vocab]
/// labels  [batch, seq], int64, kIgnoredLabel = not counted
LossSum masked_cross_entropy(const Tensor& logits, const Tensor& labels);

/// The same from hidden states after the final norm: logits are computed for the scored positions
/// only, which saves most of the vocabulary work when few tokens are labelled.
/// hidden  [batch, seq, hidden]
LossSum language_model_loss(LlamaForCausalLMImpl& model, const Tensor& hidden,
                            const Tensor& labels);
inline LossSum language_model_loss(LlamaForCausalLM& model, const Tensor& hidden,
                                   const Tensor& labels) {
  return language_model_loss(*model, hidden, labels);
}

/// Loss of each token, 0 where the label does not count: entry [b, t] scores token t + 1.
/// logits, labels  as above
/// returns         [batch, seq - 1], float32 or double
Tensor token_losses(const Tensor& logits, const Tensor& labels);

}  // namespace nvlm::decoder
