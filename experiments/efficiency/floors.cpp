#include "experiments/efficiency/floors.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "experiments/efficiency/timing.h"

namespace nvlm::experiments {

double matmul_peak(at::ScalarType dtype, at::Device device, int64_t size) {
  const c10::NoGradGuard no_grad;
  const auto options = at::TensorOptions().dtype(dtype).device(device);
  const at::Tensor a = at::randn({size, size}, options);
  const at::Tensor b = at::randn({size, size}, options);
  at::Tensor product = at::empty({size, size}, options);
  const double best = time_repeats(device, 7, [&] { at::mm_out(product, a, b); }).front();
  return 2.0 * static_cast<double>(size * size * size) / best;
}

double memory_bandwidth(at::Device device, int64_t bytes) {
  const c10::NoGradGuard no_grad;
  // A matrix-vector product reads the matrix once and does two operations per element, like
  // decoding; float32, so that no processor has to convert.
  const int64_t columns = 4096;
  const int64_t rows = bytes / (columns * static_cast<int64_t>(sizeof(float)));
  const auto options = at::TensorOptions().dtype(at::kFloat).device(device);
  const at::Tensor matrix = at::ones({rows, columns}, options);
  const at::Tensor vector = at::ones({columns}, options);
  at::Tensor result = at::empty({rows}, options);
  const double best = time_repeats(device, 7, [&] { at::mv_out(result, matrix, vector); }).front();
  return static_cast<double>(rows * columns) * sizeof(float) / best;
}

}  // namespace nvlm::experiments
