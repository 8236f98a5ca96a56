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
};

ScoredRows scored_rows(const Tensor& per_position, const Tensor& labels) {
  check_labels(per_position, labels);
  const int64_t seq = labels.size(1);
  const Tensor targets = labels.narrow(1, 1, seq - 1).reshape(-1);
  const Tensor scored = targets.ne(kIgnoredLabel).nonzero().squeeze(1);  // [scored]
  const Tensor rows =
      per_position.narrow(1, 0, seq - 1).reshape({-1, per_position.size(2)});  // a row per target
  return {rows.index_select(0, scored), targets.index_select(0, scored)};
}

LossSum summed(const Tensor& logits, const Tensor& targets) {
  const Tensor sum =
      at::cross_entropy_loss(widened(logits), targets, /*weight=*/{}, at::Reduction::Sum);
  return {sum, at::scalar_tensor(targets.size(0), targets.options())};
}

}  // namespace

LossSum masked_cross_entropy(const Tensor& logits, const Tensor& labels) {
  const ScoredRows scored = scored_rows(logits, labels);
  return summed(scored.rows, scored.targets);
}

LossSum language_model_loss(LlamaForCausalLMImpl& model, const Tensor& hidden,
                            const Tensor& labels) {
  const ScoredRows scored = scored_rows(hidden, labels);
  return summed(model.logits(scored.rows), scored.targets);
}

Tensor token_losses(const Tensor& logits, const Tensor& labels) {
  check_labels(logits, labels);
  const int64_t seq = labels.size(1);
  return at::cross_entropy_loss(widened(logits.narrow(1, 0, seq - 1)).reshape({-1, logits.size(2)}),
                                labels.narrow(1, 1, seq - 1).reshape(-1), /*weight=*/{},
                                at::Reduction::None, kIgnoredLabel)
      .view({labels.size(0), seq - 1});
}

}  // namespace nvlm::decoder
