#include "decoder/quantization.h"

#include <ATen/core/grad_mode.h>

#include <cmath>

#include "common/check.h"
#include "common/linear.h"

namespace nvlm::decoder {
namespace {

double perplexity_of(const Tensor& logits, const Tensor& next) {
  const Tensor log_probabilities = logits.narrow(0, 0, next.size(0)).log_softmax(-1);
  return std::exp(
      -log_probabilities.gather(1, next.unsqueeze(1)).to(at::kDouble).mean().item<double>());
}

}  // namespace

void quantize(LlamaForCausalLMImpl& model, Quantization kind) {
  for (const auto& module : model.model->layers->modules()) {
    if (auto* linear = module->as<LinearImpl>()) linear->quantize(kind);
  }
}

Tensor text_logits(LlamaForCausalLMImpl& model, const std::vector<int64_t>& tokens) {
  const at::NoGradGuard no_grad;
  const Tensor ids = at::tensor(tokens, at::kLong).unsqueeze(0);  // [1, tokens]
  const DecoderInputs inputs = model.text_inputs(ids, at::ones_like(ids, at::kBool));
  return model.forward(inputs).squeeze(0).to(at::kFloat);
}

LogitChange logit_change(const Tensor& before, const Tensor& after,
                         const std::vector<int64_t>& tokens) {
  const auto count = static_cast<int64_t>(tokens.size());
  TORCH_CHECK(count >= 2, "logit_change: ", count, " tokens, expected at least two");
  expect_shape(before, {count, -1}, "logit_change: before");
  expect_shape(after, before.sizes(), "logit_change: after");
  const Tensor next = at::tensor(tokens, at::kLong).narrow(0, 1, count - 1);
  return {(before - after).abs().mean().item<double>(), perplexity_of(before, next),
          perplexity_of(after, next)};
}

}  // namespace nvlm::decoder
