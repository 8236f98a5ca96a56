#include <doctest/doctest.h>

#include <cmath>

#include "common/tolerance.h"
#include "experiments/training/freeze_plan.h"
#include "experiments/training/optimizer.h"
#include "tests/experiments/training_support.h"

namespace nvlm::experiments {
namespace {

/// AdamW as in the paper, in double, one scalar loop.
struct PlainAdamW {
  std::vector<double> values, mean, square;
  int64_t updates = 0;

  explicit PlainAdamW(const Tensor& start) {
    const Tensor flat = start.detach().flatten().to(at::kDouble);
    values.assign(flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel());
    mean.assign(values.size(), 0);
    square = mean;
  }
  void step(const std::vector<double>& gradient, double lr, const AdamWConfig& c, double decay) {
    updates += 1;
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] -= lr * decay * values[i];
      mean[i] = c.beta1 * mean[i] + (1 - c.beta1) * gradient[i];
      square[i] = c.beta2 * square[i] + (1 - c.beta2) * gradient[i] * gradient[i];
      const double m = mean[i] / (1 - std::pow(c.beta1, updates));
      const double v = square[i] / (1 - std::pow(c.beta2, updates));
      values[i] -= lr * m / (std::sqrt(v) + c.eps);
    }
  }
};

Tensor random_values(Random& random, at::IntArrayRef shape, double scale) {
  Tensor values = at::empty(shape);
  for (int64_t i = 0; i < values.numel(); ++i) {
    values.data_ptr<float>()[i] = static_cast<float>(scale * random.normal());
  }
  return values;
}

std::vector<double> as_doubles(const Tensor& tensor) {
  const Tensor flat = tensor.flatten().to(at::kDouble);
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

std::vector<ParameterGroup> one_group(const Tensor& parameter) {
  return {{true, 1.0, {"w"}, {parameter}}};
}

}  // namespace

TEST_CASE("training AdamW equals a plain implementation over 20 steps, clipped and divided") {
  Random random(3);
  // 37 entries: the vectorised kernel has a tail.
  Tensor matrix = random_values(random, {37, 3}, 1.0).requires_grad_();
  Tensor bias = random_values(random, {5}, 1.0).requires_grad_();
  const AdamWConfig config{0.9, 0.98, 1e-8, 0.1};
  Optimizer optimizer({{true, 0.5, {"matrix"}, {matrix}}, {false, 1.0, {"bias"}, {bias}}},
                      {.adamw = config, .muon = 0});
  PlainAdamW plain_matrix(matrix), plain_bias(bias);
  const double divisor = 7, clip = 1.0;
  int64_t clipped = 0;
  for (int64_t step = 0; step < 20; ++step) {
    const double lr = 1e-2 / static_cast<double>(step + 1);
    const double scale = step % 2 == 0 ? 3.0 : 0.1;  // above and below the bound
    matrix.mutable_grad() = random_values(random, {37, 3}, scale);
    bias.mutable_grad() = random_values(random, {5}, scale);
    std::vector<double> g = as_doubles(matrix.grad()), h = as_doubles(bias.grad());
    double square = 0;
    for (const double v : g) square += v * v;
    for (const double v : h) square += v * v;
    const double norm = std::sqrt(square) / divisor;
    const double factor = std::min(1.0, clip / (norm + 1e-6)) / divisor;
    clipped += norm > clip ? 1 : 0;
    for (double& v : g) v *= factor;
    for (double& v : h) v *= factor;

    const Tensor reported = optimizer.step(lr, at::scalar_tensor(divisor), clip).total;
    CHECK(reported.item<double>() == doctest::Approx(norm).epsilon(1e-6));
    plain_matrix.step(g, lr * 0.5, config, config.weight_decay);
    plain_bias.step(h, lr, config, 0.0);
  }
  CHECK(clipped == 10);
  const Tolerance bound{1e-6, 1e-6};
  const auto check = [&](const Tensor& actual, const PlainAdamW& expected) {
    const TensorDifference difference = compare_tensors(
        actual.detach(), at::tensor(expected.values).view(actual.sizes()).to(at::kFloat), bound);
    INFO(difference.describe());
    CHECK(difference.close);
  };
  check(matrix, plain_matrix);
  check(bias, plain_bias);
}

TEST_CASE("training optimisers leave everything alone when the norm is not finite") {
  for (const double muon : {0.0, 1.0}) {
    CAPTURE(muon);
    Tensor parameter = at::ones({3, 2}).requires_grad_();
    Optimizer optimizer(one_group(parameter), {.adamw = {}, .muon = muon});
    const Tensor gradient = at::ones({3, 2});
    gradient[1][0] = std::nanf("");
    parameter.mutable_grad() = gradient;
    const Tensor norm = optimizer.step(0.1, at::ones({}), 1.0).total;
    CHECK(std::isnan(norm.item<double>()));
    CHECK(at::equal(parameter, at::ones({3, 2})));
    for (const auto& [name, tensor] : optimizer.state()) {
      CAPTURE(name);
      if (!name.starts_with("updates/")) CHECK(at::equal(tensor, at::zeros_like(tensor)));
    }
    optimizer.zero_grad();
    CHECK(!parameter.grad().defined());
    CHECK_THROWS_AS(optimizer.step(0.1, at::ones({}), 1.0), std::invalid_argument);
  }
}

TEST_CASE("training Muon: orthogonalised matrices keep their singular vectors, not their values") {
  Random random(5);
  for (const auto& shape : std::vector<std::vector<int64_t>>{{8, 8}, {6, 16}, {16, 6}, {3, 4, 7}}) {
    const Tensor matrix = random_values(random, shape, 3.0);
    const auto [u, s, vh] = at::linalg_svd(matrix, /*full_matrices=*/false);
    // In the basis of its own singular vectors the result is diagonal.
    const Tensor core =
        u.transpose(-2, -1).matmul(orthogonalised(matrix)).matmul(vh.transpose(-2, -1));
    const Tensor diagonal = core.diagonal(0, -2, -1);
    CHECK((core - diagonal.diag_embed()).abs().max().item<double>() < 0.05);
    // A nearly singular matrix has values that five steps cannot lift.
    const Tensor large = s > 0.05 * s.amax(-1, true);
    CHECK(diagonal.masked_select(large).min().item<double>() > 0.5);
    CHECK(diagonal.max().item<double>() < 1.3);
  }
}

TEST_CASE("training Muon takes the hidden matrices, and each third of a fused qkv by itself") {
  CHECK(is_hidden_matrix("layers.0.mlp.up_proj.weight", at::ones({4, 6})));
  CHECK_FALSE(is_hidden_matrix("layers.0.norm.weight", at::ones({4})));
  CHECK_FALSE(is_hidden_matrix("model.embed_tokens.weight", at::ones({4, 6})));
  CHECK_FALSE(is_hidden_matrix("lm_head.weight", at::ones({4, 6})));
  CHECK_FALSE(is_hidden_matrix("tile_positions.weight", at::ones({4, 6})));
  CHECK_FALSE(is_hidden_matrix("embeddings.patch_embedding.weight", at::ones({4, 3, 2, 2})));
  CHECK(is_hidden_matrix("embeddings.stem.halvings0.weight", at::ones({4, 3, 2, 2})));

  Random random(6);
  const Tensor gradient = random_values(random, {12, 4}, 1);
  const auto update = [&](const std::string& name) {
    Tensor parameter = at::zeros({12, 4}).requires_grad_();
    Tensor bias = at::zeros({4}).requires_grad_();
    Optimizer optimizer({{true, 1.0, {name}, {parameter}}, {false, 1.0, {"bias"}, {bias}}},
                        {.adamw = {}, .muon = 2});
    parameter.mutable_grad() = gradient.clone();
    bias.mutable_grad() = at::ones({4});
    optimizer.step(1e-2, at::ones({}), 0);
    // Nesterov momentum of one gradient points along it, 1.95 times as long; AdamW moves by lr.
    CHECK((bias + 1e-2).abs().max().item<double>() < 1e-6);
    return parameter.detach();
  };
  const Tolerance bound{1e-7, 1e-2};  // scaling by 1.95 first rounds differently
  const Tensor whole = -2e-2 * 0.2 * std::sqrt(12.0) * orthogonalised(gradient);
  const TensorDifference as_one = compare_tensors(update("proj.weight"), whole, bound);
  INFO(as_one.describe());
  CHECK(as_one.close);
  const Tensor thirds =
      -2e-2 * 0.2 * std::sqrt(4.0) * orthogonalised(gradient.view({3, 4, 4})).view({12, 4});
  const TensorDifference as_three = compare_tensors(update("attn.qkv.weight"), thirds, bound);
  INFO(as_three.describe());
  CHECK(as_three.close);
}

TEST_CASE("training optimiser state goes through a map and back, and misfits are all named") {
  Random random(4);
  const auto update = [](Optimizer& optimizer, Tensor& parameter, const Tensor& gradient) {
    parameter.mutable_grad() = gradient.clone();
    optimizer.step(1e-2, at::ones({}), 0);
  };
  for (const double muon : {0.0, 1.0}) {
    CAPTURE(muon);
    Tensor a = random_values(random, {4, 4}, 1).requires_grad_();
    Tensor b = a.detach().clone().requires_grad_();
    Optimizer first(one_group(a), {.adamw = {}, .muon = muon}),
        second(one_group(b), {.adamw = {}, .muon = muon});
    update(first, a, random_values(random, {4, 4}, 1));
    second.load_state(first.state());
    b.data().copy_(a.data());
    const Tensor gradient = random_values(random, {4, 4}, 1);
    update(first, a, gradient);
    update(second, b, gradient);
    CHECK(at::equal(a, b));
  }
  Tensor w = random_values(random, {4, 4}, 1).requires_grad_();
  Optimizer optimizer(one_group(w), {});
  auto state = optimizer.state();
  state.erase("exp_avg/w");
  state["exp_avg_sq/w"] = at::zeros({2});
  state["exp_avg/other"] = at::zeros({2});
  const std::string message = thrown_by([&] { optimizer.load_state(state); });
  CHECK(message.find("missing: exp_avg/w") != std::string::npos);
  CHECK(message.find("exp_avg_sq/w is [2], expected [4, 4]") != std::string::npos);
  CHECK(message.find("unexpected: exp_avg/other") != std::string::npos);
}

TEST_CASE("training freeze plan: prefixes are whole parts, groups split by decay and factor") {
  TinyModel model(1);
  const auto groups =
      apply_freeze_plan(model, {{"hidden", "gate", "head"}, {{"head", 0.1}, {"head.bias", 2.0}}});
  CHECK(!model.encoder->weight.requires_grad());
  CHECK(model.hidden->weight.requires_grad());
  std::map<std::string, std::pair<bool, double>> found;
  for (const ParameterGroup& group : groups) {
    for (const std::string& name : group.names) found[name] = {group.decay, group.lr_factor};
  }
  CHECK(found == std::map<std::string, std::pair<bool, double>>{{"gate", {false, 1.0}},
                                                                {"hidden.weight", {true, 1.0}},
                                                                {"hidden.bias", {false, 1.0}},
                                                                {"head.weight", {true, 0.1}},
                                                                {"head.bias", {false, 2.0}}});
  const auto counts = count_parameters(model);
  CHECK(counts.at("encoder").frozen == 8 * 16 + 16);
  CHECK(counts.at("encoder").trainable == 0);
  CHECK(counts.at("head").trainable == 16 * 4 + 4);
}

TEST_CASE("training freeze plan: mistakes are errors") {
  TinyModel model(1);
  CHECK(thrown_by([&] {
          apply_freeze_plan(model, {{"hid"}, {}});
        }) ==
        "freeze plan: trainable prefix 'hid' matches no parameter; the model has encoder, gate, "
        "head, hidden");
  CHECK_THROWS_AS(apply_freeze_plan(model, {{}, {{"hidden", -1.0}}}), std::invalid_argument);
  model.to(at::kBFloat16);
  CHECK(thrown_by([&] {
          apply_freeze_plan(model, {{"head"}, {}});
        }) == "freeze plan: trainable parameter 'head.weight' is BFloat16, expected Float");
}

TEST_CASE("training freeze plan: a tied tensor is one parameter") {
  struct Tied : torch::nn::Module {
    Tied() {
      Tensor table = register_parameter("embed_tokens", at::ones({3, 2}));
      register_parameter("lm_head", table);
    }
  } model;
  const auto groups = apply_freeze_plan(model, {{"lm_head"}, {}});
  REQUIRE(groups.size() == 1);
  CHECK(groups[0].names == std::vector<std::string>{"embed_tokens"});
  CHECK(count_parameters(model).at("embed_tokens").trainable == 6);
}

}  // namespace nvlm::experiments
