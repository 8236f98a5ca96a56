// Weights in 8 or 4 bits for inference on the processor: a token reads every weight once, so fewer
// bytes are fewer milliseconds.
#pragma once

#include <string>

#include "common/tensor.h"

namespace nvlm {

enum class Quantization { kNone, kInt8, kInt4 };

/// "none", "int8" or "int4". throws  UsageError for another name
Quantization parse_quantization(const std::string& name);

/// A weight matrix [out, in].
/// int8  symmetric, one scale per row: the largest magnitude becomes 127
/// int4  16 levels from the smallest to the largest of each 32 weights in a row, LibTorch's packed
///       layout. 32 is the group with the least error (of the norm, normal weights: 7.8%; 64: 9.0%,
///       128: 10.0%).
struct QuantizedMatrix {
  Quantization kind = Quantization::kNone;
  Tensor values;  // int8: [out, in], int8; int4: packed
  Tensor scales;  // int8: [out], float32; int4: [in / 32, out, 2], scale and middle, float32
  int64_t in = 0, out = 0;
};

/// kInt4 falls back to int8 where rows are no multiple of 32 long.
/// weight  [out, in], floating-point, on the CPU
/// throws  c10::Error for another device or shape
QuantizedMatrix quantize_matrix(const Tensor& weight, Quantization kind);

/// What the matrix stands for: [out, in] in `dtype`.
Tensor dequantized(const QuantizedMatrix& matrix, at::ScalarType dtype);

/// input weightᵀ + bias in the input's dtype. Few rows are multiplied from the packed weights; for
/// many (a prompt) the weights are widened once.
/// input [..., in] -> [..., out]
Tensor quantized_linear(const Tensor& input, const QuantizedMatrix& matrix, const Tensor& bias);

}  // namespace nvlm
