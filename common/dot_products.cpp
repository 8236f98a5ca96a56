#include "common/dot_products.h"

#include <bit>

#include "common/dot_products_x86.h"

namespace nvlm {
namespace {

float widened(Bfloat16Bits bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

void bfloat16_loop(const Bfloat16Bits* const rows[4], const Bfloat16Bits* x, int64_t size,
                   float out[4]) {
  for (int k = 0; k < 4; ++k) {
    float sum = 0;
    for (int64_t i = 0; i < size; ++i) sum += widened(rows[k][i]) * widened(x[i]);
    out[k] = sum;
  }
}

void int8_loop(const int8_t* const rows[4], const int16_t* x, int64_t size, int32_t out[4]) {
  for (int k = 0; k < 4; ++k) {
    int32_t sum = 0;
    for (int64_t i = 0; i < size; ++i) sum += rows[k][i] * x[i];
    out[k] = sum;
  }
}

}  // namespace

const DotProducts& portable_dot_products() {
  static constexpr DotProducts products{bfloat16_loop, int8_loop};
  return products;
}

const DotProducts& dot_products() {
  static const DotProducts products = with_x86_kernels(portable_dot_products());
  return products;
}

}  // namespace nvlm
