#include "common/parameter_scope.h"

#include <ATen/core/grad_mode.h>
#include <doctest/doctest.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>
#include <torch/utils.h>

#include "common/linear.h"
#include "tests/support/tensors.h"

namespace nvlm {

TEST_CASE("parameter scope: the innermost style holds, and the outer one returns") {
  CHECK(initialises_parameters());
  CHECK(new_parameter({2}, 3).equal(at::full({2}, 3.0F)));
  {
    const ParameterScope loading({.dtype = at::kBFloat16, .initialise = false});
    CHECK_FALSE(initialises_parameters());
    CHECK((new_parameter({2}).scalar_type() == at::kBFloat16));
    {
      const ParameterScope counting({.device = at::kMeta});
      CHECK_FALSE(initialises_parameters());
      const Tensor huge = new_parameter({1 << 20, 1 << 20}, 1);
      CHECK(huge.is_meta());
      CHECK((huge.scalar_type() == at::kFloat));
    }
    CHECK(new_parameter({2}).is_cpu());
    CHECK((new_parameter({2}, 1).scalar_type() == at::kBFloat16));
  }
  CHECK(initialises_parameters());
}

TEST_CASE("parameter scope: layers of a stack lie where the style says") {
  CHECK(style_at_depth(7).device.is_cpu());
  const ParameterScope spread({.dtype = at::kBFloat16, .layer_devices = {at::kCPU, at::kMeta}});
  CHECK(new_parameter({2}).is_cpu());
  CHECK(style_at_depth(0).device.is_cpu());
  const ParameterScope layer(style_at_depth(1));
  CHECK(new_parameter({2}).is_meta());
  CHECK((new_parameter({2}).scalar_type() == at::kBFloat16));
  CHECK(style_at_depth(0).device.is_cpu());  // asked within another layer, too
  CHECK_THROWS_AS(style_at_depth(2), c10::Error);
  CHECK_THROWS_AS(style_at_depth(-1), c10::Error);
}

TEST_CASE("linear and embedding: LibTorch's names, draws and results") {
  const Tensor input = at::arange(6, at::kFloat).view({2, 3}) / 6;
  const Tensor ids = at::tensor({int64_t{4}, int64_t{0}, int64_t{4}});
  for (const bool has_bias : {true, false}) {
    torch::manual_seed(7);
    const torch::nn::Linear theirs(torch::nn::LinearOptions(3, 4).bias(has_bias));
    const torch::nn::Embedding their_table(5, 2);
    torch::manual_seed(7);
    Linear ours(3, 4, has_bias);
    Embedding table(5, 2);
    CHECK(ours->named_parameters().keys() == theirs->named_parameters().keys());
    CHECK(ours->weight.equal(theirs->weight));
    CHECK(ours->bias.defined() == has_bias);
    CHECK(ours->weight.requires_grad());
    CHECK(ours(input).equal(at::linear(input, theirs->weight, theirs->bias)));
    CHECK(table->weight.equal(their_table->weight));
    CHECK(table(ids).equal(their_table->weight.index_select(0, ids)));
  }
}

TEST_CASE("linear: nothing is drawn where nothing is initialised") {
  torch::manual_seed(7);
  const Tensor expected = at::rand({1});
  torch::manual_seed(7);
  {
    const ParameterScope loading({.initialise = false});
    const Linear linear(64, 64);
    const Embedding table(64, 64);
  }
  CHECK(at::rand({1}).equal(expected));
}

}  // namespace nvlm
