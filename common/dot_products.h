// Dot products: what a matrix-vector product is made of when one token is decoded, bound by reading
// the rows from memory. No LibTorch in here.
#pragma once

#include <cstdint>

namespace nvlm {

/// The bits of a bfloat16: the upper half of a float32.
using Bfloat16Bits = uint16_t;

/// The sum of row[i] * x[i] for i in [0, size), in float32 (int32 for integers, whose sum must
/// fit). Pointers need no alignment. Rows are expected to lie one behind the other: kernels
/// prefetch past the end.
struct DotProducts {
  float (*float32)(const float* row, const float* x, int64_t size);
  float (*bfloat16)(const Bfloat16Bits* row, const Bfloat16Bits* x, int64_t size);
  int32_t (*int8)(const int8_t* row, const int16_t* x, int64_t size);
};

/// Plain loops; the reference of the tests, and what other processors use.
const DotProducts& portable_dot_products();

/// The fastest of this processor: AVX-512 (with BF16 and VNNI), AVX2, or plain loops. Chosen once,
/// kernel by kernel.
const DotProducts& dot_products();

}  // namespace nvlm
