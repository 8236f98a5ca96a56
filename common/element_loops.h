// What loops over elements are made of: code for the processor's own vectors, bfloat16 as bits, and
// an exponential that the compiler can vectorise.
#pragma once

#include <ATen/ATen.h>

#include <bit>
#include <cmath>
#include <cstdint>

/// Before a plain (non-template) function: it is compiled for several instruction sets, of which
/// the loader takes the best that the processor has. Not under the sanitizers, which cannot run
/// before the loader has chosen.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define NVLM_EVERY_PROCESSOR \
  __attribute__((optimize("O3"), target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define NVLM_EVERY_PROCESSOR
#endif
/// Before the templates that such functions call, so that they are compiled with them.
#define NVLM_INLINE inline __attribute__((always_inline))

namespace nvlm {

/// A bfloat16 as it lies in memory.
using HalfBits = uint16_t;

NVLM_INLINE float widened(float x) { return x; }
NVLM_INLINE float widened(HalfBits x) {
  return std::bit_cast<float>(static_cast<uint32_t>(x) << 16);
}

/// To nearest, ties to even, as LibTorch rounds.
NVLM_INLINE void round_to(float x, float& to) { to = x; }
NVLM_INLINE void round_to(float x, HalfBits& to) {
  const auto bits = std::bit_cast<uint32_t>(x);
  const uint32_t rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
  to = static_cast<HalfBits>(x != x ? 0x7FC0 : rounded);
}

/// The same as a float again.
template <typename Element>
NVLM_INLINE float rounded_as(float x) {
  Element rounded;
  round_to(x, rounded);
  return widened(rounded);
}

/// e to the x within 2 units in the last place for x in [-87, 88]; beyond, as at the end. Not a
/// number stays so.
NVLM_INLINE float fast_exp(float x) {
  constexpr float kToInteger = 12582912.0F;  // 1.5 * 2^23: adding it rounds
  const float low = x < -87.0F ? -87.0F : x;
  const float clamped = low > 88.0F ? 88.0F : low;
  const float shifted = clamped * 1.44269504F + kToInteger;
  const float n = shifted - kToInteger;
  const float r = (clamped - n * 0.693359375F) + n * 2.12194440e-4F;  // |r| <= ln(2) / 2
  float p = 1.9875691500e-4F;                                         // Cephes expf
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  const float y = p * r * r + r + 1.0F;
  const auto exponent =
      static_cast<uint32_t>(std::bit_cast<int32_t>(shifted) - std::bit_cast<int32_t>(kToInteger));
  return y * std::bit_cast<float>((exponent + 127U) << 23);
}

/// Sums of lanes that the compiler may keep side by side.
template <int64_t kLanes>
NVLM_INLINE float lane_total(const float (&lanes)[kLanes]) {
  float sum = 0;
  for (int64_t lane = 0; lane < kLanes; ++lane) sum += lanes[lane];
  return sum;
}

/// The elements of a contiguous tensor of float32 or bfloat16, by the type the loops use.
template <typename Element>
const Element* elements(const at::Tensor& tensor) {
  return static_cast<const Element*>(tensor.const_data_ptr());
}
template <typename Element>
Element* mutable_elements(at::Tensor& tensor) {
  return static_cast<Element*>(tensor.mutable_data_ptr());
}

}  // namespace nvlm
