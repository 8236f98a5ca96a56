#include "common/linear.h"

#include <ATen/core/grad_mode.h>
#include <torch/nn/init.h>

#include <cmath>

#include "common/matrix_vector.h"
#include "common/parameter_scope.h"

namespace nvlm {

Tensor linear_map(const Tensor& input, const Tensor& weight, const Tensor& bias) {
  if (matrix_vector_fits(input, weight)) return matrix_vector(input, weight, bias);
  return at::linear(input, weight, bias);
}

LinearImpl::LinearImpl(int64_t in, int64_t out, bool has_bias) {
  weight = register_parameter("weight", new_parameter({out, in}));
  if (has_bias) bias = register_parameter("bias", new_parameter({out}));
  if (!initialises_parameters()) return;
  torch::nn::init::kaiming_uniform_(weight, std::sqrt(5.0));
  if (!has_bias) return;
  const double bound = 1 / std::sqrt(static_cast<double>(in));
  torch::nn::init::uniform_(bias, -bound, bound);
}

Tensor LinearImpl::forward(const Tensor& input) {
  if (quantized_.kind != Quantization::kNone) return quantized_linear(input, quantized_, bias);
  return linear_map(input, weight, bias);
}

void LinearImpl::quantize(Quantization kind) {
  if (kind == Quantization::kNone) return;
  TORCH_CHECK(quantized_.kind == Quantization::kNone, "linear: is quantised already");
  const at::NoGradGuard no_grad;
  quantized_ = quantize_matrix(weight, kind);
  weight.set_requires_grad(false);
  weight.set_data(at::empty({0}, weight.options()));
}

EmbeddingImpl::EmbeddingImpl(int64_t rows, int64_t width) {
  weight = register_parameter("weight", new_parameter({rows, width}));
  if (initialises_parameters()) torch::nn::init::normal_(weight);
}

Tensor EmbeddingImpl::forward(const Tensor& ids) { return at::embedding(weight, ids); }

}  // namespace nvlm
