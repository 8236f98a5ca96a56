// Direct preference optimisation by hand, its gradients and its extremes.
#include "decoder/preference_loss.h"

#include <cmath>
#include <limits>

#include "tests/support/tensors.h"

namespace nvlm::test {
namespace {

using decoder::PairScores;
using decoder::preference_loss;
using decoder::PreferenceLoss;
using decoder::PreferenceLossConfig;

Tensor doubles(std::vector<double> values) { return at::tensor(values, at::kDouble); }

PairScores pair_scores(const std::vector<double>& chosen, const std::vector<double>& rejected,
                       const std::vector<int64_t>& lengths = {}) {
  return {{doubles(chosen), at::tensor(lengths, at::kLong)}, {doubles(rejected), {}}};
}

double minus_log_sigmoid(double z) { return std::log1p(std::exp(-z)); }

}  // namespace

TEST_CASE("preference loss: hand-computed pairs") {
  // Rewards at beta 0.5: chosen 1 and -1, rejected -0.5 and 0; z = 1.5 and -1.
  const PairScores policy = pair_scores({-3, -8}, {-7, -4}, {3, 2});
  const PairScores reference = pair_scores({-5, -6}, {-6, -4});
  PreferenceLossConfig config;
  config.beta = 0.5;
  PreferenceLoss loss = preference_loss(policy, reference, config);
  const double first = minus_log_sigmoid(1.5), second = minus_log_sigmoid(-1);
  check_close(loss.per_pair, doubles({first, second}));
  CHECK(loss.loss.item<double>() == doctest::Approx((first + second) / 2));
  CHECK_FALSE(loss.nll.defined());
  check_close(loss.chosen_rewards, doubles({1, -1}));
  check_close(loss.rejected_rewards, doubles({-0.5, 0}));
  CHECK(loss.accuracy().item<double>() == 0.5);

  config.label_smoothing = 0.25;
  loss = preference_loss(policy, reference, config);
  check_close(loss.per_pair, doubles({0.75 * first + 0.25 * minus_log_sigmoid(-1.5),
                                      0.75 * second + 0.25 * minus_log_sigmoid(1)}));

  config.label_smoothing = 0;
  config.nll_weight = 0.2;
  const auto nll = [&](decoder::LossAveraging averaging) {
    config.nll_averaging = averaging;
    loss = preference_loss(policy, reference, config);
    CHECK(loss.loss.item<double>() ==
          doctest::Approx(loss.preference.item<double>() + 0.2 * loss.nll.item<double>()));
    return loss.nll.item<double>();
  };
  CHECK(nll(decoder::LossAveraging::kToken) == doctest::Approx((3.0 + 8) / 5));
  CHECK(nll(decoder::LossAveraging::kSample) == doctest::Approx((3.0 / 3 + 8.0 / 2) / 2));
  CHECK(nll(decoder::LossAveraging::kSquare) ==
        doctest::Approx((3 / std::sqrt(3) + 8 / std::sqrt(2)) / (std::sqrt(3) + std::sqrt(2))));
}

TEST_CASE("preference loss: the gradient pushes apart, and no gradient reaches the reference") {
  PairScores policy = pair_scores({-3, -8}, {-7, -4}), reference = pair_scores({-5, -6}, {-6, -4});
  for (const Tensor& scores :
       {policy.chosen.log_probability, policy.rejected.log_probability,
        reference.chosen.log_probability, reference.rejected.log_probability}) {
    scores.requires_grad_();
  }
  preference_loss(policy, reference, {}).loss.backward();
  const Tensor z = doubles({0.1 * 3, 0.1 * -2});
  check_close(policy.chosen.log_probability.grad(), -0.1 * (-z).sigmoid() / 2);
  check_close(policy.rejected.log_probability.grad(), 0.1 * (-z).sigmoid() / 2);
  CHECK_FALSE(reference.chosen.log_probability.grad().defined());
  CHECK_FALSE(reference.rejected.log_probability.grad().defined());
}

TEST_CASE("preference loss: far apart it stays finite, forward and backward, in float32 too") {
  for (const at::ScalarType dtype : {at::kDouble, at::kFloat}) {
    PairScores policy = pair_scores({-1, -1e6}, {-1e6, -1});
    policy.chosen.log_probability = policy.chosen.log_probability.to(dtype).requires_grad_();
    policy.rejected.log_probability = policy.rejected.log_probability.to(dtype);
    const PairScores reference = pair_scores({0, 0}, {0, 0});
    PreferenceLossConfig config;
    config.label_smoothing = 0.1;
    const PreferenceLoss loss = preference_loss(policy, reference, config);
    loss.loss.backward();
    CHECK(loss.loss.isfinite().item<bool>());
    CHECK(policy.chosen.log_probability.grad().isfinite().all().item<bool>());
  }
}

TEST_CASE("sequence scores add up the labelled tokens, each scored by the logits before it") {
  at::manual_seed(1);
  const Tensor logits = at::randn({2, 4, 5}, at::kDouble);
  const Tensor labels = at::tensor({-100, -100, 3, 1, 2, -100, -100, 4}, at::kLong).view({2, 4});
  const Tensor log_probabilities = logits.log_softmax(-1);
  const decoder::SequenceScores scores = decoder::sequence_scores(logits, labels);
  CHECK(at::equal(scores.length, at::tensor({2, 1}, at::kLong)));  // the first position has none
  check_close(scores.log_probability,
              at::stack({log_probabilities[0][1][3] + log_probabilities[0][2][1],
                         log_probabilities[1][2][4]}));
}

TEST_CASE("preference loss: what cannot be is refused") {
  const PairScores policy = pair_scores({-3, -8}, {-7, -4}, {3, 0});
  const auto refused = [&](PreferenceLossConfig config, const char* message) {
    CHECK_THROWS_WITH_AS(preference_loss(policy, policy, config), doctest::Contains(message),
                         std::invalid_argument);
  };
  refused({.beta = 0}, "beta is 0");
  refused({.beta = std::nan("")}, "beta is nan");
  refused({.label_smoothing = 0.5}, "label_smoothing is 0.5");
  refused({.nll_weight = -1}, "nll_weight is -1");
  CHECK_THROWS_WITH_AS(preference_loss(policy, policy, {.nll_weight = 0.2}),
                       doctest::Contains("a chosen answer has no tokens"), c10::Error);
  CHECK_THROWS_WITH_AS(preference_loss(policy, pair_scores({-1}, {-1}), {}),
                       doctest::Contains("reference's chosen is [1], expected [2]"), c10::Error);
  const PairScores none{{at::zeros({0}), {}}, {at::zeros({0}), {}}};
  CHECK_THROWS_WITH_AS(preference_loss(none, none, {}), doctest::Contains("there is no pair"),
                       c10::Error);
}

TEST_CASE("the loss weighs tokens, samples, or something between") {
  at::manual_seed(2);
  const Tensor logits = at::randn({3, 5, 6}, at::kDouble);
  Tensor labels = at::randint(0, 6, {3, 5}, at::kLong);
  labels[1].narrow(0, 1, 3).fill_(decoder::kIgnoredLabel);  // one labelled token; the first has 4
  labels[2].fill_(decoder::kIgnoredLabel);
  const Tensor losses = decoder::token_losses(logits, labels);
  const double first = losses[0].sum().item<double>(), second = losses[1].sum().item<double>();
  const auto mean = [&](decoder::LossAveraging averaging) {
    return decoder::masked_cross_entropy(logits, labels, averaging).mean().item<double>();
  };
  CHECK(mean(decoder::LossAveraging::kToken) == doctest::Approx((first + second) / 5));
  CHECK(mean(decoder::LossAveraging::kSample) == doctest::Approx((first / 4 + second) / 2));
  CHECK(mean(decoder::LossAveraging::kSquare) == doctest::Approx((first / 2 + second) / (2 + 1)));
}

}  // namespace nvlm::test
