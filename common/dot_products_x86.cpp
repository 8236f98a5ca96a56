#include "common/dot_products_x86.h"

#if defined(__x86_64__)

#include <immintrin.h>

namespace nvlm {
namespace {

// Each function is compiled for its own instruction set, whatever the rest of the program is; none
// is called before the processor was asked.
#define NVLM_AVX2 __attribute__((target("avx2,fma")))
#define NVLM_AVX512_BF16 __attribute__((target("avx512f,avx512bw,avx512bf16")))
#define NVLM_AVX512_VNNI __attribute__((target("avx512f,avx512bw,avx512vnni")))

NVLM_AVX2 float lane_sum(__m256 v) {
  __m128 sum = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
  return _mm_cvtss_f32(_mm_add_ss(sum, _mm_movehdup_ps(sum)));
}

NVLM_AVX2 __m256 widened_bfloat16(const Bfloat16Bits* from) {
  const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
}

NVLM_AVX2 void bfloat16_avx2(const Bfloat16Bits* const rows[4], const Bfloat16Bits* x, int64_t size,
                             float out[4]) {
  __m256 sums[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(),
                    _mm256_setzero_ps()};
  int64_t i = 0;
  for (; i + 8 <= size; i += 8) {
    const __m256 v = widened_bfloat16(x + i);
    for (int k = 0; k < 4; ++k) {
      sums[k] = _mm256_fmadd_ps(widened_bfloat16(rows[k] + i), v, sums[k]);
    }
  }
  const Bfloat16Bits* const rest[4] = {rows[0] + i, rows[1] + i, rows[2] + i, rows[3] + i};
  portable_dot_products().bfloat16(rest, x + i, size - i, out);
  for (int k = 0; k < 4; ++k) out[k] += lane_sum(sums[k]);
}

NVLM_AVX2 void int8_avx2(const int8_t* const rows[4], const int16_t* x, int64_t size,
                         int32_t out[4]) {
  __m256i sums[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(),
                     _mm256_setzero_si256()};
  int64_t i = 0;
  for (; i + 16 <= size; i += 16) {
    const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + i));
    for (int k = 0; k < 4; ++k) {
      const __m256i row =
          _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(rows[k] + i)));
      sums[k] = _mm256_add_epi32(sums[k], _mm256_madd_epi16(row, v));
    }
  }
  const int8_t* const rest[4] = {rows[0] + i, rows[1] + i, rows[2] + i, rows[3] + i};
  portable_dot_products().int8(rest, x + i, size - i, out);
  for (int k = 0; k < 4; ++k) {
    alignas(32) int32_t lanes[8];
    _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), sums[k]);
    for (const int32_t lane : lanes) out[k] += lane;
  }
}

NVLM_AVX512_BF16 void bfloat16_avx512(const Bfloat16Bits* const rows[4], const Bfloat16Bits* x,
                                      int64_t size, float out[4]) {
  __m512 sums[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(),
                    _mm512_setzero_ps()};
  int64_t i = 0;
  for (; i + 32 <= size; i += 32) {
    const auto v = reinterpret_cast<__m512bh>(_mm512_loadu_epi16(x + i));
    for (int k = 0; k < 4; ++k) {
      const auto row = reinterpret_cast<__m512bh>(_mm512_loadu_epi16(rows[k] + i));
      sums[k] = _mm512_dpbf16_ps(sums[k], row, v);
    }
  }
  const auto rest = static_cast<__mmask32>((uint64_t{1} << (size - i)) - 1);
  const auto v = reinterpret_cast<__m512bh>(_mm512_maskz_loadu_epi16(rest, x + i));
  for (int k = 0; k < 4; ++k) {
    const auto row = reinterpret_cast<__m512bh>(_mm512_maskz_loadu_epi16(rest, rows[k] + i));
    out[k] = _mm512_reduce_add_ps(_mm512_dpbf16_ps(sums[k], row, v));
  }
}

NVLM_AVX512_VNNI void int8_avx512(const int8_t* const rows[4], const int16_t* x, int64_t size,
                                  int32_t out[4]) {
  __m512i sums[4] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(),
                     _mm512_setzero_si512()};
  int64_t i = 0;
  for (; i + 32 <= size; i += 32) {
    const __m512i v = _mm512_loadu_si512(x + i);
    for (int k = 0; k < 4; ++k) {
      const __m512i row =
          _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows[k] + i)));
      sums[k] = _mm512_dpwssd_epi32(sums[k], row, v);
    }
  }
  const int8_t* const rest[4] = {rows[0] + i, rows[1] + i, rows[2] + i, rows[3] + i};
  portable_dot_products().int8(rest, x + i, size - i, out);
  for (int k = 0; k < 4; ++k) out[k] += _mm512_reduce_add_epi32(sums[k]);
}

}  // namespace

DotProducts with_x86_kernels(DotProducts fallback) {
  DotProducts chosen = fallback;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    chosen = {bfloat16_avx2, int8_avx2};
  }
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")) {
    if (__builtin_cpu_supports("avx512bf16")) chosen.bfloat16 = bfloat16_avx512;
    if (__builtin_cpu_supports("avx512vnni")) chosen.int8 = int8_avx512;
  }
  return chosen;
}

}  // namespace nvlm

#else

namespace nvlm {

DotProducts with_x86_kernels(DotProducts fallback) { return fallback; }

}  // namespace nvlm

#endif
