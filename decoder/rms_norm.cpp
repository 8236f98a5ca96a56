#include "decoder/rms_norm.h"

#include <ATen/Parallel.h>

#include <array>
#include <cmath>

#include "common/parameter_scope.h"
#include "decoder/inference_kernels.h"

namespace nvlm::decoder {
namespace {

// One pass over each row instead of six kernels: decoding is made of small rows.
Tensor rms_norm_rows(const Tensor& input, const Tensor& weight, double epsilon) {
  constexpr int64_t kLanes = 8;  // partial sums that the compiler may keep side by side
  const int64_t size = input.size(-1);
  const int64_t rows = size == 0 ? 0 : input.numel() / size;
  Tensor output = at::empty_like(input);
  const float* from = input.const_data_ptr<float>();
  const float* scale = weight.const_data_ptr<float>();
  float* to = output.mutable_data_ptr<float>();
  at::parallel_for(0, rows, rows_per_thread(size), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float* x = from + row * size;
      float* y = to + row * size;
      std::array<float, kLanes> partial{};
      int64_t i = 0;
      for (; i + kLanes <= size; i += kLanes) {
        for (int64_t j = 0; j < kLanes; ++j) partial[j] += x[i + j] * x[i + j];
      }
      double sum = 0;
      for (; i < size; ++i) sum += static_cast<double>(x[i]) * x[i];
      for (const float lane : partial) sum += lane;
      const auto factor =
          static_cast<float>(1.0 / std::sqrt(sum / static_cast<double>(size) + epsilon));
      for (i = 0; i < size; ++i) y[i] = x[i] * factor * scale[i];
    }
  });
  return output;
}

}  // namespace

Tensor rms_norm(const Tensor& input, const Tensor& weight, double epsilon) {
  if (inference_kernel_fits(input) && inference_kernel_fits(weight)) {
    return rms_norm_rows(input, weight, epsilon);
  }
  const at::ScalarType dtype = input.scalar_type();
  const Tensor wide = dtype == at::kDouble ? input : input.to(at::kFloat);
  const Tensor mean_square = wide.square().mean(-1, /*keepdim=*/true);  // [..., 1]
  return (wide * (mean_square + epsilon).rsqrt()).to(dtype) * weight;
}

RmsNormImpl::RmsNormImpl(int64_t size, double epsilon) : epsilon_(epsilon) {
  weight = register_parameter("weight", new_parameter({size}, 1));
}

Tensor RmsNormImpl::forward(const Tensor& input) { return rms_norm(input, weight, epsilon_); }

}  // namespace nvlm::decoder
