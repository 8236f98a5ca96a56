#include "common/linear.h"

#include <ATen/core/grad_mode.h>
#include <torch/nn/init.h>

#include <cmath>

#include "common/parameter_scope.h"

namespace nvlm {

LinearImpl::LinearImpl(int64_t in, int64_t out, bool has_bias) {
  weight = register_parameter("weight", new_parameter({out, in}));
  if (has_bias) bias = register_parameter("bias", new_parameter({out}));
  if (!initialises_parameters()) return;
  torch::nn::init::kaiming_uniform_(weight, std::sqrt(5.0));
  if (!has_bias) return;
  const double bound = 1 / std::sqrt(static_cast<double>(in));
  torch::nn::init::uniform_(bias, -bound, bound);
}

Tensor LinearImpl::forward(const Tensor& input) { return at::linear(input, weight, bias); }

EmbeddingImpl::EmbeddingImpl(int64_t rows, int64_t width) {
  weight = register_parameter("weight", new_parameter({rows, width}));
  if (initialises_parameters()) torch::nn::init::normal_(weight);
}

Tensor EmbeddingImpl::forward(const Tensor& ids) { return at::embedding(weight, ids); }

}  // namespace nvlm
