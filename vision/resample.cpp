#include "vision/resample.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

// 32-bit multiplication of several values at once needs AVX2 on x86-64 (chosen at run time).
#if defined(__x86_64__)
#include <immintrin.h>
#define NVLM_RESAMPLE_AVX2 1
#endif

namespace nvlm::vision {
namespace {

constexpr int kPrecisionBits = 32 - 8 - 2;
constexpr int32_t kHalf = 1 << (kPrecisionBits - 1);

/// For each output pixel: the first input pixel it reads, how many, and their weights.
struct ResampleTable {
  int64_t taps = 0;              // weights stored per output pixel
  std::vector<int64_t> first;    // [out]
  std::vector<int64_t> count;    // [out]
  std::vector<int32_t> weights;  // [out, taps], fixed point
};

double bicubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

double bilinear(double x) {
  x = std::abs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

int32_t to_fixed_point(double weight) {
  const double scaled = weight * (1 << kPrecisionBits);
  return static_cast<int32_t>(weight < 0 ? scaled - 0.5 : scaled + 0.5);
}

ResampleTable resample_table(int64_t in_size, int64_t out_size, ResampleFilter filter) {
  const bool is_bicubic = filter == ResampleFilter::kBicubic;
  const auto weight_at = is_bicubic ? bicubic : bilinear;
  const double scale = static_cast<double>(in_size) / static_cast<double>(out_size);
  const double filter_scale = std::max(scale, 1.0);
  const double support = (is_bicubic ? 2.0 : 1.0) * filter_scale;
  const double inverse = 1.0 / filter_scale;
  ResampleTable table;
  table.taps = static_cast<int64_t>(std::ceil(support)) * 2 + 1;
  table.first.resize(static_cast<size_t>(out_size));
  table.count.resize(static_cast<size_t>(out_size));
  table.weights.assign(static_cast<size_t>(out_size * table.taps), 0);
  std::vector<double> exact(static_cast<size_t>(table.taps));
  for (int64_t out = 0; out < out_size; ++out) {
    const double center = (static_cast<double>(out) + 0.5) * scale;
    const int64_t begin = std::max<int64_t>(static_cast<int64_t>(center - support + 0.5), 0);
    const int64_t end = std::min<int64_t>(static_cast<int64_t>(center + support + 0.5), in_size);
    double sum = 0;
    for (int64_t tap = 0; tap < end - begin; ++tap) {
      const double weight = weight_at((static_cast<double>(tap + begin) - center + 0.5) * inverse);
      exact[static_cast<size_t>(tap)] = weight;
      sum += weight;
    }
    for (int64_t tap = 0; tap < end - begin; ++tap) {
      double weight = exact[static_cast<size_t>(tap)];
      if (sum != 0.0) weight /= sum;
      table.weights[static_cast<size_t>(out * table.taps + tap)] = to_fixed_point(weight);
    }
    table.first[static_cast<size_t>(out)] = begin;
    table.count[static_cast<size_t>(out)] = end - begin;
  }
  return table;
}

uint8_t clip_to_byte(int32_t sum) {
  return static_cast<uint8_t>(std::clamp(sum >> kPrecisionBits, 0, 255));
}

/// One row of RGB pixels. `in` must be readable for one byte more than the row has.
void resample_row(const uint8_t* in, uint8_t* out, const ResampleTable& table) {
  const auto out_size = static_cast<int64_t>(table.first.size());
  const int32_t* weights = table.weights.data();
  for (int64_t x = 0; x < out_size; ++x, weights += table.taps) {
    const uint8_t* pixel = in + 3 * table.first[static_cast<size_t>(x)];
    const int64_t count = table.count[static_cast<size_t>(x)];
    int32_t red = kHalf, green = kHalf, blue = kHalf;
    for (int64_t tap = 0; tap < count; ++tap) {
      red += pixel[3 * tap] * weights[tap];
      green += pixel[3 * tap + 1] * weights[tap];
      blue += pixel[3 * tap + 2] * weights[tap];
    }
    out[3 * x] = clip_to_byte(red);
    out[3 * x + 1] = clip_to_byte(green);
    out[3 * x + 2] = clip_to_byte(blue);
  }
}

/// Output bytes from..row_bytes of one row; `in` is the first input row that it reads.
void resample_column_bytes(const uint8_t* in, int64_t from, int64_t row_bytes, uint8_t* out,
                           const int32_t* weights, int64_t count) {
  for (int64_t x = from; x < row_bytes; ++x) {
    int32_t sum = kHalf;
    for (int64_t tap = 0; tap < count; ++tap) sum += in[tap * row_bytes + x] * weights[tap];
    out[x] = clip_to_byte(sum);
  }
}

void resample_column_row(const uint8_t* in, int64_t row_bytes, uint8_t* out, const int32_t* weights,
                         int64_t count) {
  resample_column_bytes(in, 0, row_bytes, out, weights, count);
}

#ifdef NVLM_RESAMPLE_AVX2

__attribute__((target("avx2"))) void resample_row_avx2(const uint8_t* in, uint8_t* out,
                                                       const ResampleTable& table) {
  const auto out_size = static_cast<int64_t>(table.first.size());
  const int32_t* weights = table.weights.data();
  for (int64_t x = 0; x < out_size; ++x, weights += table.taps) {
    const uint8_t* pixel = in + 3 * table.first[static_cast<size_t>(x)];
    const int64_t count = table.count[static_cast<size_t>(x)];
    __m128i sum = _mm_set1_epi32(kHalf);  // red, green, blue, and the next pixel's red, unused
    for (int64_t tap = 0; tap < count; ++tap) {
      int32_t packed;
      std::memcpy(&packed, pixel + 3 * tap, sizeof packed);
      const __m128i values = _mm_cvtepu8_epi32(_mm_cvtsi32_si128(packed));
      sum = _mm_add_epi32(sum, _mm_mullo_epi32(values, _mm_set1_epi32(weights[tap])));
    }
    sum = _mm_srai_epi32(sum, kPrecisionBits);
    sum = _mm_packs_epi32(sum, sum);   // saturates, as does the next
    sum = _mm_packus_epi16(sum, sum);  // so this is the clipping
    const int32_t packed = _mm_cvtsi128_si32(sum);
    std::memcpy(out + 3 * x, &packed, 3);
  }
}

__attribute__((target("avx2"))) void resample_column_row_avx2(const uint8_t* in, int64_t row_bytes,
                                                              uint8_t* out, const int32_t* weights,
                                                              int64_t count) {
  constexpr int64_t kBlock = 16;
  int64_t x = 0;
  for (; x + kBlock <= row_bytes; x += kBlock) {
    __m256i low = _mm256_set1_epi32(kHalf), high = low;
    for (int64_t tap = 0; tap < count; ++tap) {
      const __m128i bytes =
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + tap * row_bytes + x));
      const __m256i weight = _mm256_set1_epi32(weights[tap]);
      const __m256i first = _mm256_cvtepu8_epi32(bytes);
      const __m256i second = _mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8));
      low = _mm256_add_epi32(low, _mm256_mullo_epi32(first, weight));
      high = _mm256_add_epi32(high, _mm256_mullo_epi32(second, weight));
    }
    low = _mm256_srai_epi32(low, kPrecisionBits);
    high = _mm256_srai_epi32(high, kPrecisionBits);
    // Packing works within 128-bit halves; the permutation restores the order.
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xD8);
    const __m128i result =
        _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + x), result);
  }
  resample_column_bytes(in, x, row_bytes, out, weights, count);
}

#endif

struct ResampleKernels {
  decltype(&resample_row) row = resample_row;
  decltype(&resample_column_row) column_row = resample_column_row;
};

ResampleKernels resample_kernels() {
#ifdef NVLM_RESAMPLE_AVX2
  if (__builtin_cpu_supports("avx2") != 0) return {resample_row_avx2, resample_column_row_avx2};
#endif
  return {};
}

}  // namespace

void resample_rows(const uint8_t* in, int64_t height, int64_t width, uint8_t* out,
                   int64_t new_width, ResampleFilter filter) {
  const ResampleTable table = resample_table(width, new_width, filter);
  const auto row = resample_kernels().row;
  for (int64_t y = 0; y + 1 < height; ++y) row(in + 3 * y * width, out + 3 * y * new_width, table);
  // Behind the last row there is no byte to read: it gets one.
  std::vector<uint8_t> last(in + 3 * (height - 1) * width, in + 3 * height * width);
  last.push_back(0);
  row(last.data(), out + 3 * (height - 1) * new_width, table);
}

void resample_columns(const uint8_t* in, int64_t height, int64_t row_bytes, uint8_t* out,
                      int64_t new_height, ResampleFilter filter) {
  const ResampleTable table = resample_table(height, new_height, filter);
  const auto row = resample_kernels().column_row;
  for (int64_t y = 0; y < new_height; ++y) {
    const auto index = static_cast<size_t>(y);
    row(in + table.first[index] * row_bytes, row_bytes, out + y * row_bytes,
        table.weights.data() + y * table.taps, table.count[index]);
  }
}

}  // namespace nvlm::vision
