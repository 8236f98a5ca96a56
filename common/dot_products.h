// Four dot products at a time: what a matrix-vector product is made of when one token is decoded.
// Each is bound by reading the rows from memory. No LibTorch in here.
#pragma once

#include <cstdint>

namespace nvlm {

/// The bits of a bfloat16: the upper half of a float32.
using Bfloat16Bits = uint16_t;

/// out[k] = sum over i of rows[k][i] * x[i], for i in [0, size), summed in float32 (int32 for
/// integers, whose sum must fit). Pointers need no alignment. There is none for float32: LibTorch's
/// matrix-vector product reads memory as fast as it comes.
struct DotProducts {
  void (*bfloat16)(const Bfloat16Bits* const rows[4], const Bfloat16Bits* x, int64_t size,
                   float out[4]);
  void (*int8)(const int8_t* const rows[4], const int16_t* x, int64_t size, int32_t out[4]);
};

/// Plain loops; the reference of the tests, and what other processors use.
const DotProducts& portable_dot_products();

/// The fastest of this processor: AVX-512 (with VNNI and BF16 where present), AVX2, or plain loops.
/// Chosen once, kernel by kernel.
const DotProducts& dot_products();

}  // namespace nvlm
