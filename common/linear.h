// The affine map and the table of rows that all models are made of; LibTorch's, but that a
// ParameterScope says how their parameters are made, and that decoding has kernels of its own.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "common/quantized_matrix.h"
#include "common/tensor.h"

namespace nvlm {

/// input weightᵀ + bias: at::linear, but for a few rows where matrix_vector() is faster.
/// input [..., in], weight [out, in], bias [out] or undefined -> [..., out]
Tensor linear_map(const Tensor& input, const Tensor& weight, const Tensor& bias = {});

/// y = x weightᵀ + bias. Fresh weights and biases are uniform within 1 / sqrt(in), the draws of
/// torch::nn::Linear.
class LinearImpl : public torch::nn::Module {
 public:
  LinearImpl(int64_t in, int64_t out, bool has_bias = true);

  /// input [..., in] -> [..., out]
  Tensor forward(const Tensor& input);

  /// Rounds the weight for good: from now on the map serves inference alone, and `weight` has no
  /// elements. Nothing happens with kNone.
  void quantize(Quantization kind);

  Tensor weight;  // [out, in]
  Tensor bias;    // [out]; undefined without bias

 private:
  QuantizedMatrix quantized_;
};
TORCH_MODULE(Linear);

/// Row `id` of a table. Fresh rows are standard normal, the draws of torch::nn::Embedding.
class EmbeddingImpl : public torch::nn::Module {
 public:
  EmbeddingImpl(int64_t rows, int64_t width);

  /// ids [...] int64 -> [..., width]
  Tensor forward(const Tensor& ids);

  Tensor weight;  // [rows, width]
};
TORCH_MODULE(Embedding);

}  // namespace nvlm
