#include "decoder/rms_norm.h"

#include <ATen/Parallel.h>

#include <array>
#include <cmath>

#include "common/parameter_scope.h"
#include "decoder/inference_kernels.h"
#include "decoder/training_kernels.h"

namespace nvlm::decoder {
namespace {

// One pass over each row instead of six kernels: decoding is made of small rows.
template <typename Scalar>
Tensor rms_norm_rows(const Tensor& input, const Tensor& weight, double epsilon) {
  constexpr int64_t kLanes = 8;  // partial sums that the compiler may keep side by side
  const int64_t size = input.size(-1);
  const int64_t rows = size == 0 ? 0 : input.numel() / size;
  Tensor output = at::empty_like(input);
  const Scalar* from = input.const_data_ptr<Scalar>();
  const Scalar* scale = weight.const_data_ptr<Scalar>();
  Scalar* to = output.mutable_data_ptr<Scalar>();
  at::parallel_for(0, rows, rows_per_thread(size), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const Scalar* x = from + row * size;
      Scalar* y = to + row * size;
      std::array<float, kLanes> partial{};
      int64_t i = 0;
      for (; i + kLanes <= size; i += kLanes) {
        for (int64_t j = 0; j < kLanes; ++j) {
          const float value = x[i + j];
          partial[static_cast<size_t>(j)] += value * value;
        }
      }
      double sum = 0;
      for (; i < size; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
      for (const float lane : partial) sum += lane;
      const auto factor =
          static_cast<float>(1.0 / std::sqrt(sum / static_cast<double>(size) + epsilon));
      for (i = 0; i < size; ++i) {
        const Scalar normalised = static_cast<float>(x[i]) * factor;
        y[i] = static_cast<float>(normalised) * static_cast<float>(scale[i]);
      }
    }
  });
  return output;
}

}  // namespace

Tensor rms_norm(const Tensor& input, const Tensor& weight, double epsilon) {
  if (inference_kernel_fits(input) && inference_kernel_fits(weight) &&
      input.scalar_type() == weight.scalar_type()) {
    return input.scalar_type() == at::kFloat ? rms_norm_rows<float>(input, weight, epsilon)
                                             : rms_norm_rows<at::BFloat16>(input, weight, epsilon);
  }
  const at::ScalarType dtype = input.scalar_type();
  if (dtype == at::kFloat && weight.scalar_type() == at::kFloat && training_kernel_fits(input)) {
    return trained_rms_norm(input, weight, epsilon);
  }
  const Tensor wide = dtype == at::kDouble ? input : input.to(at::kFloat);
  const Tensor mean_square = wide.square().mean(-1, /*keepdim=*/true);  // [..., 1]
  return (wide * (mean_square + epsilon).rsqrt()).to(dtype) * weight;
}

RmsNormImpl::RmsNormImpl(int64_t size, double epsilon) : epsilon_(epsilon) {
  weight = register_parameter("weight", new_parameter({size}, 1));
}

Tensor RmsNormImpl::forward(const Tensor& input) { return rms_norm(input, weight, epsilon_); }

}  // namespace nvlm::decoder
