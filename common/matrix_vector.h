// Linear maps of a few rows, as when one token is decoded: bound by reading the weights.
#pragma once

#include "common/tensor.h"

namespace nvlm {

/// Whether the input is [..., in] with one to four rows: with more, matrix products are faster.
bool is_few_rows(const Tensor& input, int64_t in);

/// Whether matrix_vector() may stand for at::linear: no gradient is recorded, both are float32 or
/// both bfloat16, on the CPU, the weight is contiguous, there are few rows, and no autocast is on.
bool matrix_vector_fits(const Tensor& input, const Tensor& weight);

/// input weightᵀ + bias, summed in float32.
/// input    [..., in], float32 or bfloat16
/// weight   [out, in], of the same dtype
/// bias     [out], any floating-point dtype, or undefined
/// returns  [..., out], of that dtype
Tensor matrix_vector(const Tensor& input, const Tensor& weight, const Tensor& bias);

/// The same for weights in 8 bits: input (values * scales)ᵀ + bias. Each row of the input is
/// rounded to a multiple of 1/8191 of its largest value (or somewhat more, where the 32-bit sums of
/// a long row ask for it). NaN and infinity are not passed on.
/// input    [..., in], any floating-point dtype
/// values   [out, in], int8, contiguous
/// scales   [out], float32
/// returns  [..., out] in the input's dtype
Tensor int8_matrix_vector(const Tensor& input, const Tensor& values, const Tensor& scales,
                          const Tensor& bias);

}  // namespace nvlm
