#include "decoder/language_model_loss.h"

#include <ATen/core/Reduction.h>

#include "common/check.h"

namespace nvlm::decoder {
namespace {

Tensor widened(const Tensor& logits) {
  return logits.scalar_type() == at::kDouble ? logits : logits.to(at::kFloat);
}

void check_labels(const Tensor& per_position, const Tensor& labels) {
  expect_shape(per_position, {labels.size(0), labels.size(1), -1}, "loss: logits or hidden");
  expect_dtype(labels, at::kLong, "loss: labels");
  TORCH_CHECK(labels.size(1) > 0, "loss: labels are ", labels.sizes(),
              ", expected at least one position");
}

/// Positions whose next token is labelled, and those labels.
struct ScoredRows {
  Tensor rows;     // [scored, features]
  Tensor targets;  // [scored], int64
  Tensor lengths;  // [scored], int64: how many there are in the sample of each
};

ScoredRows scored_rows(const Tensor& per_position, const Tensor& labels) {
  check_labels(per_position, labels);
  const int64_t seq = labels.size(1);
  const Tensor shifted = labels.narrow(1, 1, seq - 1);  // [batch, seq - 1]
  const Tensor targets = shifted.reshape(-1);
  const Tensor lengths =
      shifted.ne(kIgnoredLabel).sum(1, /*keepdim=*/true).expand(shifted.sizes()).reshape(-1);
  const Tensor scored = targets.ne(kIgnoredLabel).nonzero().squeeze(1);  // [scored]
  const Tensor rows =
      per_position.narrow(1, 0, seq - 1).reshape({-1, per_position.size(2)});  // a row per target
  return {rows.index_select(0, scored), targets.index_select(0, scored),
          lengths.index_select(0, scored)};
}

LossSum summed(const Tensor& logits, const ScoredRows& scored, LossAveraging averaging) {
  const Tensor& targets = scored.targets;
  if (averaging == LossAveraging::kToken) {
    const Tensor sum =
        at::cross_entropy_loss(widened(logits), targets, /*weight=*/{}, at::Reduction::Sum);
    return {sum, at::scalar_tensor(targets.size(0), targets.options())};
  }
  const Tensor losses =
      at::cross_entropy_loss(widened(logits), targets, /*weight=*/{}, at::Reduction::None);
  const Tensor weights = token_weights(scored.lengths, averaging).to(losses.scalar_type());
  return {(losses * weights).sum(), weights.sum()};
}

}  // namespace

LossSum masked_cross_entropy(const Tensor& logits, const Tensor& labels, LossAveraging averaging) {
  const ScoredRows scored = scored_rows(logits, labels);
  return summed(scored.rows, scored, averaging);
}

LossSum language_model_loss(LlamaForCausalLMImpl& model, const Tensor& hidden, const Tensor& labels,
                            LossAveraging averaging) {
  const ScoredRows scored = scored_rows(hidden, labels);
  return summed(model.logits(scored.rows), scored, averaging);
}

Tensor token_losses(const Tensor& logits, const Tensor& labels) {
  check_labels(logits, labels);
  const int64_t seq = labels.size(1);
  return at::cross_entropy_loss(widened(logits.narrow(1, 0, seq - 1)).reshape({-1, logits.size(2)}),
                                labels.narrow(1, 1, seq - 1).reshape(-1), /*weight=*/{},
                                at::Reduction::None, kIgnoredLabel)
      .view({labels.size(0), seq - 1});
}

Tensor token_weights(const Tensor& lengths, LossAveraging averaging) {
  const Tensor n = lengths.to(at::kDouble);
  switch (averaging) {
    case LossAveraging::kToken:
      return at::ones_like(n);
    case LossAveraging::kSample:
      return n.reciprocal();
    case LossAveraging::kSquare:
      return n.rsqrt();
  }
  TORCH_INTERNAL_ASSERT(false, "no such averaging");
}

}  // namespace nvlm::decoder
