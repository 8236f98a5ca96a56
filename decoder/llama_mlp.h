// Llama's feed-forward, SwiGLU (arXiv 2002.05202).
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include "common/tensor.h"

namespace nvlm::decoder {

/// down(silu(gate(x)) * up(x)), without biases.
class LlamaMlpImpl : public torch::nn::Module {
 public:
  LlamaMlpImpl(int64_t hidden, int64_t ffn_hidden);

  /// input [..., hidden] -> [..., hidden]
  Tensor forward(const Tensor& input);

  torch::nn::Linear gate_proj{nullptr}, up_proj{nullptr}, down_proj{nullptr};
};
TORCH_MODULE(LlamaMlp);

}  // namespace nvlm::decoder
