// Attention for training in bfloat16 against its definition in double, and the exponential in it.
#include "common/softmax_attention.h"

#include <doctest/doctest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "common/element_loops.h"

namespace nvlm {

TEST_CASE("softmax attention: values and gradients, causal and whole") {
  at::manual_seed(1);
  for (const bool causal : {false, true}) {
    for (const int64_t seq : {1, 3, 33, 70}) {
      CAPTURE(causal);
      CAPTURE(seq);
      std::vector<Tensor> inputs, wide;
      for (int i = 0; i < 3; ++i) {
        inputs.push_back(at::randn({2, 3, seq, 16}).to(at::kBFloat16).requires_grad_());
        wide.push_back(inputs.back().detach().to(at::kDouble).requires_grad_());
      }
      const Tensor output = softmax_attention(inputs[0], inputs[1], inputs[2], causal);
      Tensor scores = at::matmul(wide[0], wide[1].transpose(2, 3)) / 4.0;
      if (causal) {
        const Tensor hidden = at::ones({seq, seq}, at::kBool).triu(1);
        scores = scores.masked_fill(hidden, -INFINITY);
      }
      const Tensor expected = at::matmul(scores.softmax(-1), wide[2]);
      CHECK((output.to(at::kDouble) - expected).abs().max().item<double>() < 0.05);
      const Tensor direction = at::randn(expected.sizes()).to(at::kBFloat16);
      const auto ours = torch::autograd::grad({output}, inputs, {direction});
      const auto theirs = torch::autograd::grad({expected}, wide, {direction.to(at::kDouble)});
      for (size_t i = 0; i < ours.size(); ++i) {
        const double most = theirs[i].abs().max().item<double>() + 1e-3;
        CHECK((ours[i].to(at::kDouble) - theirs[i]).abs().max().item<double>() / most < 0.05);
      }
    }
  }
}

TEST_CASE("softmax attention: what is not a number shows") {
  Tensor query = at::ones({1, 1, 4, 8}).to(at::kBFloat16);
  query[0][0][2][0] = std::nan("");
  const Tensor x = at::ones({1, 1, 4, 8}).to(at::kBFloat16);
  const Tensor output = softmax_attention(query, x, x, /*causal=*/true);
  CHECK(output[0][0][2].isnan().all().item<bool>());
  CHECK_FALSE(output[0][0][1].isnan().any().item<bool>());
}

TEST_CASE("fast_exp: within two units in the last place") {
  for (double x = -87; x <= 88; x += 0.0137) {
    const auto given = static_cast<float>(x);
    const double expected = std::exp(static_cast<double>(given));
    CHECK(std::abs(fast_exp(given) - expected) <= expected * 2.5e-7);
  }
  CHECK(fast_exp(-1000) < 1e-37F);
  CHECK(std::isnan(fast_exp(std::nanf(""))));
}

TEST_CASE("bfloat16 as bits: rounds as LibTorch does") {
  const Tensor values = at::cat(
      {at::randn({1000}), at::tensor({0.0F, 1.00390625F, 1.01171875F, INFINITY, -INFINITY})});
  const Tensor rounded = values.to(at::kBFloat16);
  for (int64_t i = 0; i < values.size(0); ++i) {
    CHECK(rounded_as<HalfBits>(values[i].item<float>()) == rounded[i].item<float>());
  }
  CHECK(std::isnan(rounded_as<HalfBits>(std::nanf(""))));
}

}  // namespace nvlm
