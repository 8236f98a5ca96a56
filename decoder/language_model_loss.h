// Cross-entropy of the next token, summed over what is labelled (supervised fine-tuning's loss).
#pragma once

#include "common/tensor.h"
#include "decoder/llama.h"

namespace nvlm::decoder {

/// Labels of this value do not count.
inline constexpr int64_t kIgnoredLabel = -100;

/// How much the tokens of answers of different length count. n: labelled tokens of the sample.
enum class LossAveraging {
  kToken,   // each token alike, so long answers weigh more
  kSample,  // each token 1 / n, so each sample alike
  kSquare,  // each token 1 / sqrt(n), between the two
};

/// Sum and count apart, so that a mean over several batches or machines weighs each token (or
/// sample) alike.
struct LossSum {
  Tensor sum;  // scalar, float32 (double for double), nats, weighted; with gradient
  Tensor
      count;  // scalar: labelled tokens that have a predecessor, int64; or the sum of the weights

  /// Nats per labelled token; NaN if there is none.
  Tensor mean() const { return sum / count; }
};

/// labels[b, t] is the token at position t itself; the shift happens here: logits at t are scored
/// against the label at t + 1, and the label at position 0 does not count.
/// logits  [batch, seq, vocab]
/// labels  [batch, seq], int64, kIgnoredLabel = not counted
/// source  the averagings: InternVL 2.5 (arXiv 2412.05271), which is trained with kSquare
LossSum masked_cross_entropy(const Tensor& logits, const Tensor& labels,
                             LossAveraging averaging = LossAveraging::kToken);

/// The same from hidden states after the final norm: logits are computed for the scored positions
/// only, which saves most of the vocabulary work when few tokens are labelled.
/// hidden  [batch, seq, hidden]
LossSum language_model_loss(LlamaForCausalLMImpl& model, const Tensor& hidden, const Tensor& labels,
                            LossAveraging averaging = LossAveraging::kToken);
inline LossSum language_model_loss(LlamaForCausalLM& model, const Tensor& hidden,
                                   const Tensor& labels,
                                   LossAveraging averaging = LossAveraging::kToken) {
  return language_model_loss(*model, hidden, labels, averaging);
}

/// Loss of each token, 0 where the label does not count: entry [b, t] scores token t + 1.
/// logits, labels  as above
/// returns         [batch, seq - 1], float32 or double
Tensor token_losses(const Tensor& logits, const Tensor& labels);

/// What a token of a sample with so many labelled tokens weighs.
/// lengths  [...], int64, 1 or more
/// returns  the same shape, double
Tensor token_weights(const Tensor& lengths, LossAveraging averaging);

}  // namespace nvlm::decoder
