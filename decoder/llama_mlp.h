// The feed-forward: Llama's SwiGLU (arXiv 2002.05202), or GPT-2's GELU.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "common/linear.h"
#include "common/tensor.h"
#include "decoder/llama_config.h"

namespace nvlm::decoder {

/// SwiGLU: down(silu(gate(x)) * up(x)). GELU: down(gelu(up(x))), tanh approximation, no gate.
class LlamaMlpImpl : public torch::nn::Module {
 public:
  LlamaMlpImpl(int64_t hidden, int64_t ffn_hidden, FeedForwardKind kind = FeedForwardKind::kSwiglu,
               bool biased = false);

  /// input [..., hidden] -> [..., hidden]
  Tensor forward(const Tensor& input);

  Linear gate_proj{nullptr}, up_proj{nullptr}, down_proj{nullptr};  // gate: or null
};
TORCH_MODULE(LlamaMlp);

}  // namespace nvlm::decoder
