#include "decoder/llama_mlp.h"

#include <ATen/core/grad_mode.h>

#include "decoder/training_kernels.h"

namespace nvlm::decoder {

LlamaMlpImpl::LlamaMlpImpl(int64_t hidden, int64_t ffn_hidden, FeedForwardKind kind, bool biased) {
  const auto linear = [&](const char* name, int64_t in, int64_t out) {
    return register_module(name, Linear(in, out, biased));
  };
  if (kind == FeedForwardKind::kSwiglu) gate_proj = linear("gate_proj", hidden, ffn_hidden);
  up_proj = linear("up_proj", hidden, ffn_hidden);
  down_proj = linear("down_proj", ffn_hidden, hidden);
}

Tensor LlamaMlpImpl::forward(const Tensor& input) {
  if (gate_proj.is_empty()) return down_proj(at::gelu(up_proj(input), "tanh"));
  if (training_kernel_fits(input)) {
    return down_proj(trained_swiglu(joined_linear(input, {gate_proj, up_proj})));
  }
  Tensor gate = gate_proj(input);  // [..., ffn_hidden]
  if (at::GradMode::is_enabled()) return down_proj(at::silu(gate) * up_proj(input));
  return down_proj(at::silu_(gate).mul_(up_proj(input)));
}

}  // namespace nvlm::decoder
