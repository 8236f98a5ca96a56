// The norm of a decoder, as its configuration says.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "common/tensor.h"
#include "decoder/llama_config.h"

namespace nvlm::decoder {

/// RMSNorm (rms_norm.h), or LayerNorm with a bias, in float32 for lower dtypes. The weight starts
/// at 1, the bias at 0.
class DecoderNormImpl : public torch::nn::Module {
 public:
  explicit DecoderNormImpl(const LlamaConfig& config);

  /// input [..., hidden] -> [..., hidden]
  Tensor forward(const Tensor& input);

  Tensor weight;  // [hidden]
  Tensor bias;    // [hidden]; undefined for RMSNorm

 private:
  double epsilon_;
};
TORCH_MODULE(DecoderNorm);

}  // namespace nvlm::decoder
