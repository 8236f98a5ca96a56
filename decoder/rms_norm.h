// Root-mean-square normalisation (arXiv 1910.07467), as Llama uses it.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "common/tensor.h"

namespace nvlm::decoder {

/// y = x / sqrt(mean(x^2) + epsilon), cast to the dtype of x, then times the weight. Statistics in
/// float32 for lower dtypes.
/// input [..., size], weight [size] -> [..., size] in the common dtype of both
Tensor rms_norm(const Tensor& input, const Tensor& weight, double epsilon);

/// rms_norm with a weight that starts at 1.
class RmsNormImpl : public torch::nn::Module {
 public:
  RmsNormImpl(int64_t size, double epsilon);

  /// input [..., size] -> [..., size]
  Tensor forward(const Tensor& input);

  Tensor weight;  // [size]

 private:
  double epsilon_;
};
TORCH_MODULE(RmsNorm);

}  // namespace nvlm::decoder
