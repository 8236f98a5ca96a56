#include "common/attention.h"

#include <doctest/doctest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <limits>

#include "common/tolerance.h"

namespace nvlm {
namespace {

/// softmax(q kᵀ / sqrt(d) + bias) v in double, one query head at a time.
Tensor reference(const Tensor& query, const Tensor& keys, const Tensor& values,
                 const Tensor& bias) {
  const int64_t group = query.size(1) / keys.size(1);
  std::vector<Tensor> heads;
  for (int64_t head = 0; head < query.size(1); ++head) {
    const Tensor q = query.select(1, head).to(at::kDouble);
    const Tensor k = keys.select(1, head / group).to(at::kDouble);
    const Tensor v = values.select(1, head / group).to(at::kDouble);
    const Tensor scores =
        q.matmul(k.transpose(1, 2)) / std::sqrt(static_cast<double>(q.size(-1))) + bias;
    heads.push_back(scores.softmax(-1).matmul(v));
  }
  return at::stack(heads, 1);
}

}  // namespace

TEST_CASE(
    "attention equals its formula with every mask, in each dtype, with and without gradient") {
  at::manual_seed(1);
  constexpr int64_t kSeq = 6;
  const Tensor later = at::ones({kSeq, kSeq}, at::kBool).triu(1);
  const Tensor hidden = later.logical_or(at::eye(kSeq).roll(-2, 0).to(at::kBool));
  const double never = -std::numeric_limits<double>::infinity();
  const auto bias_of = [&](const Tensor& where) {
    return at::zeros({kSeq, kSeq}, at::kDouble).masked_fill(where, never);
  };
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    for (const bool trains : {false, true}) {
      for (const int64_t kv_heads : {4, 2}) {
        const auto make = [&](int64_t heads) {
          return at::randn({2, heads, kSeq, 8}).to(dtype).requires_grad_(trains);
        };
        const Tensor query = make(4), keys = make(kv_heads), values = make(kv_heads);
        const auto check = [&](const Tensor& actual, const Tensor& bias, const char* which) {
          CAPTURE(which);
          CAPTURE(c10::toString(dtype));
          CAPTURE(trains);
          CAPTURE(kv_heads);
          CHECK((actual.scalar_type() == dtype));
          const double bound = dtype == at::kFloat ? 1e-5 : 3e-2;
          const TensorDifference difference = compare_tensors(
              actual.detach(), reference(query.detach(), keys.detach(), values.detach(), bias),
              {bound, bound});
          INFO(difference.describe());
          CHECK(difference.close);
          if (!trains) return;
          const Tensor gradient = torch::autograd::grad({actual.sum()}, {query})[0];
          CHECK(at::isfinite(gradient).all().item<bool>());
        };
        check(attention(query, keys, values), bias_of(at::zeros({kSeq, kSeq}, at::kBool)), "none");
        check(attention(query, keys, values, std::nullopt, /*causal=*/true), bias_of(later),
              "causal");
        check(attention(query, keys, values, hidden.logical_not()), bias_of(hidden), "bool");
        check(attention(query, keys, values, bias_of(hidden).to(dtype)), bias_of(hidden), "bias");
      }
    }
  }
}

}  // namespace nvlm
