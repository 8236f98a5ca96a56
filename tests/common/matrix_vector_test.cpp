#include "common/matrix_vector.h"

#include <ATen/core/grad_mode.h>

#include <limits>

#include "common/dot_products.h"
#include "common/error.h"
#include "common/linear.h"
#include "tests/support/tensors.h"

namespace nvlm {
namespace {

using test::check_close;

constexpr int64_t kSizes[] = {1, 7, 15, 16, 31, 32, 33, 64, 95, 100, 257, 896};

}  // namespace

TEST_CASE("dot products: this processor's kernels and the plain loops, at odd sizes and places") {
  at::manual_seed(3);
  for (const int64_t size : kSizes) {
    CAPTURE(size);
    const Tensor row = at::randn({size + 1}).to(at::kBFloat16);
    const Tensor x = at::randn({size + 1}).to(at::kBFloat16);
    const auto sum =
        at::dot(row.narrow(0, 1, size).to(at::kDouble), x.narrow(0, 1, size).to(at::kDouble));
    const Tensor bytes = at::randint(-127, 128, {size + 1}, at::kChar);
    const Tensor steps = at::randint(-8191, 8192, {size + 1}, at::kShort);
    const auto exact =
        (bytes.narrow(0, 1, size).to(at::kInt) * steps.narrow(0, 1, size).to(at::kInt)).sum();
    const Tensor wide_row = row.to(at::kFloat), wide_x = x.to(at::kFloat);
    for (const DotProducts& kernels : {dot_products(), portable_dot_products()}) {
      CHECK(kernels.float32(wide_row.const_data_ptr<float>() + 1,
                            wide_x.const_data_ptr<float>() + 1,
                            size) == doctest::Approx(sum.item<double>()).epsilon(1e-4));
      const float product =
          kernels.bfloat16(static_cast<const Bfloat16Bits*>(row.const_data_ptr()) + 1,
                           static_cast<const Bfloat16Bits*>(x.const_data_ptr()) + 1, size);
      CHECK(product == doctest::Approx(sum.item<double>()).epsilon(1e-4));
      CHECK(kernels.int8(bytes.const_data_ptr<int8_t>() + 1, steps.const_data_ptr<int16_t>() + 1,
                         size) == exact.item<int64_t>());
    }
  }
}

TEST_CASE("matrix-vector product: as at::linear, for one to four rows and any number of outputs") {
  at::manual_seed(4);
  const at::NoGradGuard no_grad;
  for (const int64_t in : kSizes) {
    for (const int64_t out : {1, 2, 3, 4, 5, 97}) {
      for (const int64_t rows : {1, 2, 4}) {
        CAPTURE(in);
        CAPTURE(out);
        CAPTURE(rows);
        const at::ScalarType dtype = (in + out) % 2 == 0 ? at::kBFloat16 : at::kFloat;
        const Tensor weight = at::randn({out, in}).to(dtype);
        const Tensor x = at::randn({rows, 1, in}).to(dtype);
        const Tensor bias = at::randn({out}).to(dtype);
        for (const Tensor& added : {bias, Tensor()}) {
          const Tensor expected = at::linear(
              x.to(at::kDouble), weight.to(at::kDouble),
              added.defined() ? std::optional<Tensor>(added.to(at::kDouble)) : std::nullopt);
          REQUIRE(matrix_vector_fits(x, weight));
          const Tensor product = linear_map(x, weight, added);
          CHECK((product.scalar_type() == dtype));
          const double bound = dtype == at::kFloat ? 1e-5 : 5e-3;
          check_close(product.to(at::kDouble), expected, {1e-4, bound});
        }
      }
    }
  }
}

TEST_CASE("matrix-vector product: where it does not serve") {
  const Tensor weight = at::ones({3, 2}, at::kBFloat16);
  const Tensor row = at::ones({1, 2}, at::kBFloat16);
  CHECK_FALSE(matrix_vector_fits(row, weight));  // gradients
  const at::NoGradGuard no_grad;
  CHECK(matrix_vector_fits(row, weight));
  CHECK_FALSE(matrix_vector_fits(at::ones({5, 2}, at::kBFloat16), weight));
  CHECK_FALSE(matrix_vector_fits(at::ones({0, 2}, at::kBFloat16), weight));
  CHECK_FALSE(matrix_vector_fits(at::ones({1, 3}, at::kBFloat16), weight));  // an error for linear
  CHECK_FALSE(matrix_vector_fits(at::ones({1, 3}, at::kBFloat16), weight.t()));
  CHECK_FALSE(matrix_vector_fits(at::ones({1, 2}), weight));
  CHECK_FALSE(matrix_vector_fits(at::ones({1, 2}, at::kDouble), at::ones({3, 2}, at::kDouble)));
}

TEST_CASE("matrix-vector product: NaN and infinity reach the output") {
  const at::NoGradGuard no_grad;
  Tensor weight = at::ones({5, 40}).to(at::kBFloat16);
  weight[1][39] = std::numeric_limits<float>::quiet_NaN();
  weight[2][0] = std::numeric_limits<float>::infinity();
  const Tensor product = linear_map(at::ones({1, 40}).to(at::kBFloat16), weight).to(at::kFloat);
  CHECK(product.isnan().equal(at::tensor({0, 1, 0, 0, 0}).to(at::kBool).unsqueeze(0)));
  CHECK(product.isinf().equal(at::tensor({0, 0, 1, 0, 0}).to(at::kBool).unsqueeze(0)));
}

TEST_CASE("quantised matrices: by hand") {
  // Row 0: scale 2 / 127; row 1 is zero.
  const Tensor weight = at::tensor({1.0F, -2.0F, 0.5F, 0.0F, 0.0F, 0.0F}).view({2, 3});
  const QuantizedMatrix matrix = quantize_matrix(weight, Quantization::kInt8);
  CHECK(
      matrix.values.to(at::kInt).equal(at::tensor({64, -127, 32, 0, 0, 0}, at::kInt).view({2, 3})));
  check_close(dequantized(matrix, at::kFloat),
              at::tensor({128.0F / 127, -2.0F, 64.0F / 127, 0.0F, 0.0F, 0.0F}).view({2, 3}),
              {1e-6, 1e-6});
  // 16 levels from 0 to 15 are exact.
  const Tensor levels = at::arange(32, at::kFloat).remainder(16).view({1, 32}).repeat({3, 2});
  check_close(dequantized(quantize_matrix(levels, Quantization::kInt4), at::kFloat), levels,
              {1e-5, 0});
  // Rows of 30: no groups of 32.
  CHECK((quantize_matrix(at::ones({2, 30}), Quantization::kInt4).kind == Quantization::kInt8));
  CHECK_THROWS_AS(quantize_matrix(at::ones({2}), Quantization::kInt8), c10::Error);
  CHECK_THROWS_AS(parse_quantization("int3"), UsageError);
  CHECK((parse_quantization("int4") == Quantization::kInt4));
}

TEST_CASE("quantised matrices: a product is that of the rounded weights, for few rows and many") {
  at::manual_seed(5);
  const at::NoGradGuard no_grad;
  for (const auto kind : {Quantization::kInt8, Quantization::kInt4}) {
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
      for (const int64_t out : {1, 5, 16, 40}) {
        CAPTURE(out);
        const Tensor weight = at::randn({out, 96}), bias = at::randn({out}).to(dtype);
        const QuantizedMatrix matrix = quantize_matrix(weight, kind);
        const Tensor rounded = dequantized(matrix, at::kFloat);
        const double error =
            (rounded - weight).norm().item<double>() / weight.norm().item<double>();
        CHECK(error < (kind == Quantization::kInt8 ? 0.01 : 0.1));
        CHECK(error > 0);
        for (const int64_t rows : {1, 3, 9}) {
          const Tensor x = at::randn({rows, 1, 96}).to(dtype);
          const Tensor product = quantized_linear(x, matrix, bias);
          CHECK((product.scalar_type() == dtype));
          const Tensor expected = at::linear(x.to(at::kFloat), rounded, bias.to(at::kFloat));
          const double bound = dtype == at::kFloat ? 5e-3 : 0.15;
          check_close(product.to(at::kFloat), expected, {bound, bound});
        }
      }
    }
  }
}

TEST_CASE("int8 product: 32-bit sums do not overflow, whatever the row") {
  constexpr int64_t kLong = 40'000;
  const Tensor values = at::full({1, kLong}, 127, at::kChar);
  const Tensor product = int8_matrix_vector(at::ones({1, kLong}), values, at::ones({1}), Tensor());
  check_close(product, at::full({1, 1}, 127.0F * kLong), {0, 2e-3});
  const Tensor zero = int8_matrix_vector(at::zeros({1, kLong}), values, at::ones({1}), Tensor());
  CHECK(zero.item<float>() == 0);
}

TEST_CASE("linear: quantised for good") {
  at::manual_seed(6);
  Linear layer(64, 8);
  const Tensor x = at::randn({2, 64});
  const Tensor before = layer(x).detach();
  layer->quantize(Quantization::kNone);
  CHECK(layer->weight.numel() == 8 * 64);
  layer->quantize(Quantization::kInt8);
  CHECK(layer->weight.numel() == 0);
  const at::NoGradGuard no_grad;
  check_close(layer(x), before, {0.02, 0.02});
  CHECK_THROWS_AS(layer->quantize(Quantization::kInt8), c10::Error);
}

}  // namespace nvlm
