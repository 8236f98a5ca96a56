// When a plain loop may replace a chain of tensor operations: decoding one token at a time on the
// processor is bound by the number of operations, not by their size.
#pragma once

#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "common/tensor.h"

namespace nvlm::decoder {

/// No gradient is recorded, and `tensor` is contiguous float32 or bfloat16 on the CPU.
inline bool inference_kernel_fits(const Tensor& tensor) {
  return !at::GradMode::is_enabled() && tensor.device().is_cpu() &&
         (tensor.scalar_type() == at::kFloat || tensor.scalar_type() == at::kBFloat16) &&
         tensor.is_contiguous();
}

/// Grain for at::parallel_for over rows of `size` elements: threads pay from some 32 thousand on.
inline int64_t rows_per_thread(int64_t size) {
  return std::max<int64_t>(1, 32768 / std::max<int64_t>(1, size));
}

}  // namespace nvlm::decoder
