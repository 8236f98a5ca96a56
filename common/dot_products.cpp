#include "common/dot_products.h"

#include <bit>

#include "common/dot_products_x86.h"

namespace nvlm {
namespace {

float widened(Bfloat16Bits bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

float float32_loop(const float* row, const float* x, int64_t size) {
  float sum = 0;
  for (int64_t i = 0; i < size; ++i) sum += row[i] * x[i];
  return sum;
}

float bfloat16_loop(const Bfloat16Bits* row, const Bfloat16Bits* x, int64_t size) {
  float sum = 0;
  for (int64_t i = 0; i < size; ++i) sum += widened(row[i]) * widened(x[i]);
  return sum;
}

int32_t int8_loop(const int8_t* row, const int16_t* x, int64_t size) {
  int32_t sum = 0;
  for (int64_t i = 0; i < size; ++i) sum += row[i] * x[i];
  return sum;
}

}  // namespace

const DotProducts& portable_dot_products() {
  static constexpr DotProducts products{float32_loop, bfloat16_loop, int8_loop};
  return products;
}

const DotProducts& dot_products() {
  static const DotProducts products = with_x86_kernels(portable_dot_products());
  return products;
}

}  // namespace nvlm
