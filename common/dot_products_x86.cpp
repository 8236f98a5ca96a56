#include "common/dot_products_x86.h"

#if defined(__x86_64__)

#include <immintrin.h>

// GCC 12 warns of its own _mm512_undefined_*() in _mm512_reduce_add_*().
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"

namespace nvlm {
namespace {

// Each function is compiled for its own instruction set, whatever the rest of the program is; none
// is called before the processor was asked.
#define NVLM_AVX2 __attribute__((target("avx2,fma")))
#define NVLM_AVX512 __attribute__((target("avx512f,avx512bw")))
#define NVLM_AVX512_BF16 __attribute__((target("avx512f,avx512bw,avx512bf16")))
#define NVLM_AVX512_VNNI __attribute__((target("avx512f,avx512bw,avx512vnni")))

// How far ahead of the row a kernel asks for memory, in bytes: rows are short, so that the
// processor's own guess begins anew with each (measured: 7 -> 11 GB/s at 896 columns of bfloat16).
constexpr int64_t kAhead = 4096;

template <typename Element>
void prefetch_ahead(const Element* at) {
  _mm_prefetch(reinterpret_cast<const char*>(at) + kAhead, _MM_HINT_T0);
}

NVLM_AVX2 float lane_sum(__m256 v) {
  __m128 sum = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
  return _mm_cvtss_f32(_mm_add_ss(sum, _mm_movehdup_ps(sum)));
}

NVLM_AVX2 float float32_avx2(const float* row, const float* x, int64_t size) {
  __m256 sums[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(),
                    _mm256_setzero_ps()};
  int64_t i = 0;
  for (; i + 32 <= size; i += 32) {
    prefetch_ahead(row + i);
    prefetch_ahead(row + i + 16);
    for (int k = 0; k < 4; ++k) {
      const __m256 weights = _mm256_loadu_ps(row + i + 8 * k);
      sums[k] = _mm256_fmadd_ps(weights, _mm256_loadu_ps(x + i + 8 * k), sums[k]);
    }
  }
  const __m256 sum =
      _mm256_add_ps(_mm256_add_ps(sums[0], sums[1]), _mm256_add_ps(sums[2], sums[3]));
  return lane_sum(sum) + portable_dot_products().float32(row + i, x + i, size - i);
}

NVLM_AVX2 __m256 widened_eight(const Bfloat16Bits* from) {
  const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
}

NVLM_AVX2 float bfloat16_avx2(const Bfloat16Bits* row, const Bfloat16Bits* x, int64_t size) {
  __m256 sums[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(),
                    _mm256_setzero_ps()};
  int64_t i = 0;
  for (; i + 32 <= size; i += 32) {
    prefetch_ahead(row + i);
    for (int k = 0; k < 4; ++k) {
      sums[k] =
          _mm256_fmadd_ps(widened_eight(row + i + 8 * k), widened_eight(x + i + 8 * k), sums[k]);
    }
  }
  const __m256 sum =
      _mm256_add_ps(_mm256_add_ps(sums[0], sums[1]), _mm256_add_ps(sums[2], sums[3]));
  return lane_sum(sum) + portable_dot_products().bfloat16(row + i, x + i, size - i);
}

NVLM_AVX2 __m256i products_of_sixteen(const int8_t* row, const int16_t* x) {
  const __m256i wide = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(row)));
  return _mm256_madd_epi16(wide, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)));
}

NVLM_AVX2 int32_t int8_avx2(const int8_t* row, const int16_t* x, int64_t size) {
  __m256i even = _mm256_setzero_si256(), odd = _mm256_setzero_si256();
  int64_t i = 0;
  for (; i + 32 <= size; i += 32) {
    if (i % 64 == 0) prefetch_ahead(row + i);
    even = _mm256_add_epi32(even, products_of_sixteen(row + i, x + i));
    odd = _mm256_add_epi32(odd, products_of_sixteen(row + i + 16, x + i + 16));
  }
  alignas(32) int32_t lanes[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), _mm256_add_epi32(even, odd));
  int32_t sum = portable_dot_products().int8(row + i, x + i, size - i);
  for (const int32_t lane : lanes) sum += lane;
  return sum;
}

NVLM_AVX512 float float32_avx512(const float* row, const float* x, int64_t size) {
  __m512 even = _mm512_setzero_ps(), odd = _mm512_setzero_ps();
  int64_t i = 0;
  for (; i + 32 <= size; i += 32) {
    prefetch_ahead(row + i);
    prefetch_ahead(row + i + 16);
    even = _mm512_fmadd_ps(_mm512_loadu_ps(row + i), _mm512_loadu_ps(x + i), even);
    odd = _mm512_fmadd_ps(_mm512_loadu_ps(row + i + 16), _mm512_loadu_ps(x + i + 16), odd);
  }
  return _mm512_reduce_add_ps(_mm512_add_ps(even, odd)) +
         portable_dot_products().float32(row + i, x + i, size - i);
}

NVLM_AVX512_BF16 __m512bh loaded(const Bfloat16Bits* from) {
  return reinterpret_cast<__m512bh>(_mm512_loadu_epi16(from));
}

NVLM_AVX512_BF16 float bfloat16_avx512(const Bfloat16Bits* row, const Bfloat16Bits* x,
                                       int64_t size) {
  __m512 even = _mm512_setzero_ps(), odd = _mm512_setzero_ps();
  int64_t i = 0;
  for (; i + 64 <= size; i += 64) {
    prefetch_ahead(row + i);
    prefetch_ahead(row + i + 32);
    even = _mm512_dpbf16_ps(even, loaded(row + i), loaded(x + i));
    odd = _mm512_dpbf16_ps(odd, loaded(row + i + 32), loaded(x + i + 32));
  }
  if (i + 32 <= size) {
    even = _mm512_dpbf16_ps(even, loaded(row + i), loaded(x + i));
    i += 32;
  }
  const auto rest = static_cast<__mmask32>((uint64_t{1} << (size - i)) - 1);
  const auto last = reinterpret_cast<__m512bh>(_mm512_maskz_loadu_epi16(rest, row + i));
  const auto last_x = reinterpret_cast<__m512bh>(_mm512_maskz_loadu_epi16(rest, x + i));
  return _mm512_reduce_add_ps(_mm512_add_ps(even, _mm512_dpbf16_ps(odd, last, last_x)));
}

NVLM_AVX512_VNNI __m512i widened_row(const int8_t* from) {
  return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}

NVLM_AVX512_VNNI int32_t int8_avx512(const int8_t* row, const int16_t* x, int64_t size) {
  __m512i even = _mm512_setzero_si512(), odd = _mm512_setzero_si512();
  int64_t i = 0;
  for (; i + 64 <= size; i += 64) {
    prefetch_ahead(row + i);
    even = _mm512_dpwssd_epi32(even, widened_row(row + i), _mm512_loadu_si512(x + i));
    odd = _mm512_dpwssd_epi32(odd, widened_row(row + i + 32), _mm512_loadu_si512(x + i + 32));
  }
  return _mm512_reduce_add_epi32(_mm512_add_epi32(even, odd)) +
         portable_dot_products().int8(row + i, x + i, size - i);
}

}  // namespace

DotProducts with_x86_kernels(DotProducts fallback) {
  DotProducts chosen = fallback;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    chosen = {float32_avx2, bfloat16_avx2, int8_avx2};
  }
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")) {
    chosen.float32 = float32_avx512;
    if (__builtin_cpu_supports("avx512bf16")) chosen.bfloat16 = bfloat16_avx512;
    if (__builtin_cpu_supports("avx512vnni")) chosen.int8 = int8_avx512;
  }
  return chosen;
}

}  // namespace nvlm

#pragma GCC diagnostic pop

#else

namespace nvlm {

DotProducts with_x86_kernels(DotProducts fallback) { return fallback; }

}  // namespace nvlm

#endif
