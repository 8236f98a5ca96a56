#include "decoder/preference_loss.h"

#include <stdexcept>
#include <string>

#include "common/check.h"

namespace nvlm::decoder {
namespace {

void check_preference_config(const PreferenceLossConfig& config) {
  const auto refuse = [](const char* field, double value, const char* expected) {
    throw std::invalid_argument(std::string("preference_loss: ") + field + " is " +
                                std::to_string(value) + ", expected " + expected);
  };
  if (!(config.beta > 0)) refuse("beta", config.beta, "more than 0");
  if (!(config.label_smoothing >= 0 && config.label_smoothing < 0.5)) {
    refuse("label_smoothing", config.label_smoothing, "0 or more and less than 0.5");
  }
  if (!(config.nll_weight >= 0)) refuse("nll_weight", config.nll_weight, "0 or more");
}

/// Weighted nats per token: sum(w * nll) / sum(w * length), w a token's weight.
Tensor chosen_nll(const SequenceScores& chosen, LossAveraging averaging) {
  expect_shape(chosen.length, {chosen.log_probability.size(0)}, "preference_loss: lengths");
  TORCH_CHECK(chosen.length.min().item<int64_t>() > 0,
              "preference_loss: a chosen answer has no tokens, expected 1 or more for its negative "
              "log-likelihood");
  const at::ScalarType dtype = chosen.log_probability.scalar_type();
  const Tensor weights = token_weights(chosen.length, averaging);
  return -(weights.to(dtype) * chosen.log_probability).sum() /
         (weights * chosen.length).sum().to(dtype);
}

}  // namespace

SequenceScores sequence_scores(const Tensor& logits, const Tensor& labels) {
  const Tensor losses = token_losses(logits, labels);  // [batch, seq - 1]
  const Tensor labelled = labels.narrow(1, 1, labels.size(1) - 1).ne(kIgnoredLabel);
  return {-losses.sum(1), labelled.sum(1)};
}

PreferenceLoss preference_loss(const PairScores& policy, const PairScores& reference,
                               const PreferenceLossConfig& config) {
  check_preference_config(config);
  const Tensor &chosen = policy.chosen.log_probability, &rejected = policy.rejected.log_probability;
  expect_shape(chosen, {-1}, "preference_loss: chosen");
  const int64_t pairs = chosen.size(0);
  TORCH_CHECK(pairs > 0, "preference_loss: there is no pair, expected 1 or more");
  expect_shape(rejected, {pairs}, "preference_loss: rejected");
  expect_shape(reference.chosen.log_probability, {pairs}, "preference_loss: reference's chosen");
  expect_shape(reference.rejected.log_probability, {pairs},
               "preference_loss: reference's rejected");

  const Tensor chosen_rewards = config.beta * (chosen - reference.chosen.log_probability.detach());
  const Tensor rejected_rewards =
      config.beta * (rejected - reference.rejected.log_probability.detach());
  const Tensor z = chosen_rewards - rejected_rewards;  // [pairs]
  PreferenceLoss result;
  result.per_pair = -(1 - config.label_smoothing) * at::log_sigmoid(z);
  if (config.label_smoothing > 0) {
    result.per_pair = result.per_pair - config.label_smoothing * at::log_sigmoid(-z);
  }
  result.preference = result.per_pair.mean();
  result.loss = result.preference;
  if (config.nll_weight > 0) {
    result.nll = chosen_nll(policy.chosen, config.nll_averaging);
    result.loss = result.preference + config.nll_weight * result.nll;
  }
  result.chosen_rewards = chosen_rewards.detach();
  result.rejected_rewards = rejected_rewards.detach();
  return result;
}

}  // namespace nvlm::decoder
