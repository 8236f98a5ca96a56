// Shape and dtype checks for public boundaries. Inside a function, trust.
#pragma once

#include <string_view>

#include "common/tensor.h"

namespace nvlm {

/// Throws c10::Error "<name> is [2, 5], expected [2, *, 8]" unless the shape of `tensor` matches.
/// expected  one entry per dimension, -1 = any size
void expect_shape(const Tensor& tensor, at::IntArrayRef expected, std::string_view name);

/// Throws c10::Error "<name> is Float, expected Long" unless the dtype matches.
void expect_dtype(const Tensor& tensor, at::ScalarType expected, std::string_view name);

}  // namespace nvlm
