// Kernels of the training step against the chains of tensor operations that they replace.
#include "decoder/training_kernels.h"

#include <doctest/doctest.h>
#include <torch/csrc/autograd/autograd.h>

#include "decoder/llama_mlp.h"
#include "decoder/rms_norm.h"

namespace nvlm::decoder {
namespace {

/// Largest difference in units of the largest value of `expected`.
double difference(const Tensor& value, const Tensor& expected) {
  const Tensor wide = expected.to(at::kDouble);
  const double most = wide.abs().max().item<double>();
  return (value.to(at::kDouble) - wide).abs().max().item<double>() / most;
}

Tensor variable(at::IntArrayRef shape, at::ScalarType dtype = at::kFloat) {
  return at::randn(shape, at::kDouble).to(dtype).requires_grad_(true);
}

/// A copy in double with a gradient of its own, for the reference.
Tensor reference_of(const Tensor& x) { return x.detach().to(at::kDouble).requires_grad_(true); }

/// Gradients of sum(output * direction) for both, and what they differ by at most.
double gradient_difference(const Tensor& output, const std::vector<Tensor>& inputs,
                           const Tensor& expected, const std::vector<Tensor>& references) {
  const Tensor direction = at::randn(expected.sizes(), at::kDouble);
  const auto ours = torch::autograd::grad({output}, inputs, {direction.to(output.scalar_type())});
  const auto theirs = torch::autograd::grad({expected}, references, {direction});
  double worst = 0;
  for (size_t i = 0; i < ours.size(); ++i) {
    worst = std::max(worst, difference(ours[i], theirs[i]));
  }
  return worst;
}

}  // namespace

TEST_CASE("training kernels: root mean square norm and its gradient") {
  at::manual_seed(1);
  for (const int64_t size : {1, 7, 16, 40, 256}) {
    CAPTURE(size);
    const Tensor x = variable({3, 211, size}), weight = variable({size});
    REQUIRE(training_kernel_fits(x));
    const Tensor wide = reference_of(x), wide_weight = reference_of(weight);
    const Tensor expected = wide * (wide.square().mean(-1, true) + 1e-5).rsqrt() * wide_weight;
    const Tensor normed = rms_norm(x, weight, 1e-5);
    CHECK((normed.scalar_type() == at::kFloat));
    CHECK(difference(normed, expected) < 1e-6);
    CHECK(gradient_difference(normed, {x, weight}, expected, {wide, wide_weight}) < 1e-5);
  }
}

TEST_CASE("training kernels: silu(gate) * up and its gradient, in both dtypes") {
  at::manual_seed(2);
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const double tolerance = dtype == at::kFloat ? 1e-6 : 1e-2;
    const Tensor both = (10 * at::randn({5, 9, 2 * 37}, at::kDouble)).to(dtype).requires_grad_();
    const Tensor wide = reference_of(both);
    const Tensor expected = at::silu(wide.narrow(-1, 0, 37)) * wide.narrow(-1, 37, 37);
    const Tensor output = trained_swiglu(both);
    CHECK(difference(output, expected) < tolerance);
    CHECK(gradient_difference(output, {both}, expected, {wide}) < tolerance);
  }
  // Far out: no infinity becomes a number that is none.
  const Tensor far = at::tensor({-200.0F, 200.0F, 1.0F, 1.0F}).requires_grad_();
  const Tensor output = trained_swiglu(far);
  CHECK(output[0].item<float>() == doctest::Approx(0));
  CHECK(output[1].item<float>() == doctest::Approx(200));
  CHECK(torch::autograd::grad({output.sum()}, {far})[0].isfinite().all().item<bool>());
}

TEST_CASE("training kernels: rotated heads of one product, grouped or not") {
  at::manual_seed(3);
  for (const int64_t kv_heads : {1, 2, 4}) {
    CAPTURE(kv_heads);
    const int64_t heads = 4, half = 3, seq = 5, batch = 2;
    const int64_t width = (heads + 2 * kv_heads) * 2 * half;
    const Tensor projected = variable({batch, seq, width}), wide = reference_of(projected);
    const Tensor angle = at::randn({batch, seq, half});
    const RotaryAngles angles{angle.cos(), angle.sin()};
    const RotatedHeads parts = trained_rotary_heads(projected, angles, heads, kv_heads);
    const auto part = [&](int64_t first, int64_t count) {
      return wide.narrow(2, first * 2 * half, count * 2 * half).view({batch, seq, count, 2 * half});
    };
    const RotaryAngles wide_angles{angles.cos.to(at::kDouble), angles.sin.to(at::kDouble)};
    const Tensor query = apply_rotary(part(0, heads), wide_angles).transpose(1, 2);
    const Tensor keys = apply_rotary(part(heads, kv_heads), wide_angles).transpose(1, 2);
    const Tensor values = part(heads + kv_heads, kv_heads).transpose(1, 2);
    CHECK(difference(parts.query, query) < 1e-6);
    CHECK(difference(parts.keys, keys) < 1e-6);
    CHECK(difference(parts.values, values) == 0);
    const Tensor ours = at::cat({parts.query, parts.keys, parts.values}, 1);
    const Tensor theirs = at::cat({query, keys, values}, 1);
    CHECK(gradient_difference(ours, {projected}, theirs, {wide}) < 1e-6);
  }
}

TEST_CASE("training kernels: joined maps are the maps beside each other") {
  at::manual_seed(4);
  for (const bool has_bias : {false, true}) {
    Linear first(6, 4, has_bias), second(6, 3, has_bias);
    const Tensor x = variable({2, 5, 6});
    const Tensor expected = at::cat({first->forward(x), second->forward(x)}, -1);
    CHECK(difference(joined_linear(x, {first, second}), expected) < 1e-6);
  }
}

TEST_CASE("training kernels: a feed-forward with and without a gradient is the same") {
  at::manual_seed(5);
  LlamaMlp mlp(24, 40);
  const Tensor x = variable({3, 11, 24});
  const Tensor trained = mlp(x);
  const c10::NoGradGuard no_grad;
  CHECK(difference(trained, mlp(x)) < 1e-6);
  CHECK_FALSE(training_kernel_fits(x));
  CHECK_FALSE(training_kernel_fits(x.to(at::kDouble)));
}

}  // namespace nvlm::decoder
