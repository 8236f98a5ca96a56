#include "common/matrix_vector.h"

#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "common/check.h"
#include "common/dot_products.h"

namespace nvlm {
namespace {

constexpr int64_t kBytesPerThread = 1 << 16;  // of weights: fewer do not pay for waking a thread

/// Calls `store(row, column, sum)` with the product of every row of `input` and every row of
/// `weight`, which serves all inputs while it is in the cache.
template <typename Weight, typename Input, typename Dot, typename Store>
void for_dot_products(const Weight* weight, int64_t out, const Input* input, int64_t inputs,
                      int64_t in, Dot dot, Store store) {
  const int64_t bytes = in * static_cast<int64_t>(sizeof(Weight));
  const int64_t grain = std::max<int64_t>(1, kBytesPerThread / bytes);
  at::parallel_for(0, out, grain, [&](int64_t begin, int64_t end) {
    for (int64_t column = begin; column < end; ++column) {
      for (int64_t row = 0; row < inputs; ++row) {
        store(row, column, dot(weight + column * in, input + row * in, in));
      }
    }
  });
}

/// A row in at most 14 bits: x is about step * values.
struct RoundedRow {
  std::vector<int16_t> values;
  float step = 0;
};

/// No sum of products with int8 values overflows 32 bits: neither the largest value nor the sum of
/// all magnitudes is too large.
RoundedRow rounded_row(const float* x, int64_t size) {
  constexpr float kLargest = 8191;
  const auto most = static_cast<float>((int64_t{1} << 31) / 128 - size);  // rounding adds size / 2
  float largest = 0, sum = 0;
  for (int64_t i = 0; i < size; ++i) {
    largest = std::max(largest, std::abs(x[i]));
    sum += std::abs(x[i]);
  }
  RoundedRow row{std::vector<int16_t>(static_cast<size_t>(size)),
                 std::max(largest / kLargest, sum / most)};
  if (!(row.step > 0)) return row;
  const float inverse = 1 / row.step;
  for (int64_t i = 0; i < size; ++i) {
    row.values[static_cast<size_t>(i)] = static_cast<int16_t>(std::lrintf(x[i] * inverse));
  }
  return row;
}

std::vector<int64_t> with_last(at::IntArrayRef shape, int64_t last) {
  std::vector<int64_t> result = shape.vec();
  result.back() = last;
  return result;
}

Tensor float_bias(const Tensor& bias) {
  return bias.defined() ? bias.to(at::kFloat).contiguous() : bias;
}

}  // namespace

bool matrix_vector_fits(const Tensor& input, const Tensor& weight) {
  const at::ScalarType dtype = weight.scalar_type();
  return !at::GradMode::is_enabled() && weight.is_cpu() &&
         (dtype == at::kBFloat16 || dtype == at::kFloat) && weight.is_contiguous() &&
         weight.dim() == 2 && input.is_cpu() && input.scalar_type() == dtype &&
         is_few_rows(input, weight.size(1)) && !at::autocast::is_autocast_enabled(at::kCPU);
}

bool is_few_rows(const Tensor& input, int64_t in) {
  constexpr int64_t kFew = 4;
  return input.dim() > 0 && input.size(-1) == in && input.numel() > 0 && input.numel() <= kFew * in;
}

Tensor matrix_vector(const Tensor& input, const Tensor& weight, const Tensor& bias) {
  RECORD_FUNCTION("nvlm::matrix_vector", std::vector<c10::IValue>({input, weight}));
  const int64_t in = weight.size(1), out = weight.size(0);
  const Tensor x = input.contiguous(), added = float_bias(bias);
  Tensor result = at::empty(with_last(x.sizes(), out), x.options());
  const float* add = added.defined() ? added.const_data_ptr<float>() : nullptr;
  const auto storing = [&](auto* to) {
    return [=](int64_t row, int64_t column, float sum) {
      to[row * out + column] = add == nullptr ? sum : sum + add[column];
    };
  };
  if (weight.scalar_type() == at::kFloat) {
    for_dot_products(weight.const_data_ptr<float>(), out, x.const_data_ptr<float>(), x.numel() / in,
                     in, dot_products().float32, storing(result.mutable_data_ptr<float>()));
  } else {
    for_dot_products(static_cast<const Bfloat16Bits*>(weight.const_data_ptr()), out,
                     static_cast<const Bfloat16Bits*>(x.const_data_ptr()), x.numel() / in, in,
                     dot_products().bfloat16, storing(result.mutable_data_ptr<at::BFloat16>()));
  }
  return result;
}

Tensor int8_matrix_vector(const Tensor& input, const Tensor& values, const Tensor& scales,
                          const Tensor& bias) {
  RECORD_FUNCTION("nvlm::matrix_vector", std::vector<c10::IValue>({input, values}));
  const int64_t in = values.size(1), out = values.size(0), inputs = input.numel() / in;
  expect_shape(scales, {out}, "int8_matrix_vector: scales");
  const Tensor x = input.to(at::kFloat).contiguous(), added = float_bias(bias);
  std::vector<int16_t> rounded;
  std::vector<float> steps;
  for (int64_t row = 0; row < inputs; ++row) {
    const RoundedRow one = rounded_row(x.const_data_ptr<float>() + row * in, in);
    rounded.insert(rounded.end(), one.values.begin(), one.values.end());
    steps.push_back(one.step);
  }
  Tensor result = at::empty(with_last(x.sizes(), out), x.options());
  const float* add = added.defined() ? added.const_data_ptr<float>() : nullptr;
  const float* scale = scales.const_data_ptr<float>();
  float* to = result.mutable_data_ptr<float>();
  for_dot_products(values.const_data_ptr<int8_t>(), out, rounded.data(), inputs, in,
                   dot_products().int8, [&](int64_t row, int64_t column, int32_t sum) {
                     const float product =
                         static_cast<float>(sum) * scale[column] * steps[static_cast<size_t>(row)];
                     to[row * out + column] = add == nullptr ? product : product + add[column];
                   });
  return result.to(input.scalar_type());
}

}  // namespace nvlm
