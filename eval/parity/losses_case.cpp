// Preference and fine-tuning losses with their gradients, in double and in float32.
#include <stdexcept>

#include "decoder/preference_loss.h"
#include "eval/parity/kinds.h"

namespace nvlm::eval {
namespace {

using decoder::LossAveraging;
using decoder::PairScores;
using decoder::PreferenceLoss;
using decoder::PreferenceLossConfig;

/// Sums of a few hundred terms in another order.
constexpr Tolerance kDoubleLoss{1e-13, 1e-10};
constexpr Tolerance kFloatLoss{0, 1e-5};
constexpr Tolerance kFloatGradient{1e-6, 1e-4};

struct Averaging {
  const char* name;
  LossAveraging value;
};

constexpr Averaging kAveragings[] = {{"token", LossAveraging::kToken},
                                     {"sample", LossAveraging::kSample},
                                     {"square", LossAveraging::kSquare}};

/// "token_mean" or "sequence_mean".
LossAveraging parse_nll_averaging(const std::string& text, const std::string& where) {
  if (text == "token_mean") return LossAveraging::kToken;
  if (text == "sequence_mean") return LossAveraging::kSample;
  throw std::runtime_error(where + ": '" + text + "', expected token_mean or sequence_mean");
}

/// A tensor of the inputs in the dtype of a pass, to take gradients of.
Tensor leaf(const SafetensorsFile& inputs, const std::string& name, at::ScalarType dtype) {
  return inputs.tensor(name).to(dtype).clone().requires_grad_();
}

/// The settings under `name` in case.json.
PreferenceLossConfig token_level_config(const CaseFolder& folder, const std::string& name) {
  const std::string where = folder.about_path() + ": token_level_settings";
  const Json all = json_get<Json>(folder.about(), "token_level_settings", folder.about_path());
  const Json settings = json_get<Json>(all, name, where);
  PreferenceLossConfig config;
  config.beta = json_get<double>(settings, "beta", where + "." + name);
  config.nll_weight = json_get<double>(settings, "nll_weight", where + "." + name);
  const auto averaging =
      json_get_or(settings, "nll_normalisation", "token_mean", where + "." + name);
  config.nll_averaging = parse_nll_averaging(averaging, where + "." + name);
  return config;
}

/// One dtype: the losses of logits, bounds for losses and for gradients.
struct LossPass {
  std::string label;  // in front of the rows' names
  at::ScalarType dtype = at::kDouble;
  Tolerance loss, gradient;

  void compare(const std::string& name, const Tensor& actual, Tolerance bound,
               TensorComparison& comparison) const {
    if (!comparison.wants(name)) return;
    if (label.empty()) {
      comparison.compare_within(name, actual, bound);
    } else {
      comparison.compare_values(label + name, actual, comparison.expected(name), bound);
    }
  }
};

PairScores pair_scores(const Tensor& chosen, const Tensor& rejected,
                       const SafetensorsFile& inputs) {
  return {decoder::sequence_scores(chosen, inputs.tensor("chosen_labels")),
          decoder::sequence_scores(rejected, inputs.tensor("rejected_labels"))};
}

void compare_preference(const CaseFolder& folder, const SafetensorsFile& inputs,
                        const LossPass& pass, TensorComparison& comparison) {
  const PairScores reference =
      pair_scores(inputs.tensor("reference_chosen_logits").to(pass.dtype),
                  inputs.tensor("reference_rejected_logits").to(pass.dtype), inputs);
  pass.compare("reference_chosen_logps", reference.chosen.log_probability, pass.loss, comparison);
  pass.compare("reference_rejected_logps", reference.rejected.log_probability, pass.loss,
               comparison);
  pass.compare("chosen_token_counts", reference.chosen.length, {}, comparison);
  pass.compare("rejected_token_counts", reference.rejected.length, {}, comparison);
  for (const char* name : {"dpo", "dpo_nll_token_mean", "dpo_nll_sequence_mean"}) {
    const std::string prefix = std::string(name) + ".";
    if (!comparison.wants_any(prefix)) continue;
    const Tensor chosen = leaf(inputs, "policy_chosen_logits", pass.dtype);
    const Tensor rejected = leaf(inputs, "policy_rejected_logits", pass.dtype);
    const PairScores policy = pair_scores(chosen, rejected, inputs);
    if (std::string(name) == "dpo") {
      pass.compare("policy_chosen_logps", policy.chosen.log_probability, pass.loss, comparison);
      pass.compare("policy_rejected_logps", policy.rejected.log_probability, pass.loss, comparison);
    }
    const PreferenceLoss loss =
        decoder::preference_loss(policy, reference, token_level_config(folder, name));
    loss.loss.backward();
    pass.compare(prefix + "loss", loss.loss.view({1}), pass.loss, comparison);
    pass.compare(prefix + "grad_policy_chosen_logits", chosen.grad(), pass.gradient, comparison);
    pass.compare(prefix + "grad_policy_rejected_logits", rejected.grad(), pass.gradient,
                 comparison);
  }
}

void compare_fine_tuning(const SafetensorsFile& inputs, const LossPass& pass,
                         TensorComparison& comparison) {
  if (!inputs.contains("sft_logits")) return;
  const Tensor labels = inputs.tensor("sft_labels");
  pass.compare("sft.token_nll",
               decoder::token_losses(inputs.tensor("sft_logits").to(pass.dtype), labels), pass.loss,
               comparison);
  for (const auto& [name, averaging] : kAveragings) {
    const std::string prefix = std::string("sft.") + name + ".";
    const Tensor logits = leaf(inputs, "sft_logits", pass.dtype);
    const Tensor loss = decoder::masked_cross_entropy(logits, labels, averaging).mean();
    loss.backward();
    pass.compare(prefix + "loss", loss.view({1}), pass.loss, comparison);
    pass.compare(prefix + "grad_logits", logits.grad(), pass.gradient, comparison);
  }
}

Tensor numbers(const Json& row, const char* key, const std::string& where) {
  return at::tensor(json_get<std::vector<double>>(row, key, where), at::kDouble);
}

/// One row of dpo_sequence.json: settings, log-probabilities of whole answers, what they give.
void compare_sequence_row(const Json& row, const std::string& file, const LossPass& pass,
                          TensorComparison& comparison) {
  const auto name = json_get<std::string>(row, "name", file);
  const std::string where = file + ": " + name;
  const Json settings = json_get<Json>(row, "settings", where);
  const Json expected = json_get<Json>(row, "expected", where);
  PreferenceLossConfig config;
  config.beta = json_get<double>(settings, "beta", where);
  config.label_smoothing = json_get_or<double>(settings, "eps", 0.0, where);
  config.nll_weight = json_get_or<double>(settings, "alpha", 0.0, where);
  config.nll_averaging =
      parse_nll_averaging(json_get_or(settings, "norm", "token_mean", where), where);
  const auto lengths = json_get_or<std::vector<int64_t>>(settings, "lengths", {}, where);

  const auto scores = [&](const char* key, bool is_policy) {
    const Tensor sums = numbers(row, key, where).to(pass.dtype);
    return decoder::SequenceScores{is_policy ? sums.requires_grad_() : sums,
                                   at::tensor(lengths, at::kLong)};
  };
  const PairScores policy{scores("policy_chosen_logps", true),
                          scores("policy_rejected_logps", true)};
  const PairScores reference{scores("reference_chosen_logps", false),
                             scores("reference_rejected_logps", false)};
  const PreferenceLoss loss = decoder::preference_loss(policy, reference, config);
  loss.loss.backward();
  const auto compare = [&](const char* key, const Tensor& actual, Tolerance bound) {
    if (!expected.contains(key)) return;
    const Tensor stored =
        expected[key].is_array()
            ? numbers(expected, key, where)
            : at::scalar_tensor(json_get<double>(expected, key, where), at::kDouble);
    comparison.compare_values(pass.label + name + "." + key, actual.detach(), stored, bound);
  };
  compare("per_pair", loss.per_pair, pass.loss);
  compare("dpo_loss", loss.preference, pass.loss);
  compare("nll", loss.nll, pass.loss);
  compare("loss", loss.loss, pass.loss);
  compare("grad_policy_chosen", policy.chosen.log_probability.grad(), pass.gradient);
  compare("grad_policy_rejected", policy.rejected.log_probability.grad(), pass.gradient);
  compare("chosen_rewards", loss.chosen_rewards, pass.gradient);
  compare("rejected_rewards", loss.rejected_rewards, pass.gradient);
  compare("margins", loss.margins(), pass.gradient);
  compare("accuracy", loss.accuracy(), pass.loss);
}

void compare_sequences(const CaseFolder& folder, const LossPass& pass,
                       TensorComparison& comparison) {
  if (!folder.has("dpo_sequence.json")) return;
  const std::string file = (folder.path() / "dpo_sequence.json").string();
  const Json rows = read_json(file);
  if (!rows.is_array()) throw std::runtime_error(file + ": expected a list of cases");
  for (const Json& row : rows) compare_sequence_row(row, file, pass, comparison);
}

}  // namespace

void check_losses(const CaseFolder& folder, ParityReport& report) {
  const SafetensorsFile inputs = folder.inputs(), expected = folder.expected();
  TensorComparison comparison(expected, {}, report);
  for (const LossPass& pass : {LossPass{"", at::kDouble, kDoubleLoss, kDoubleLoss},
                               LossPass{"float32 ", at::kFloat, kFloatLoss, kFloatGradient}}) {
    compare_preference(folder, inputs, pass, comparison);
    compare_fine_tuning(inputs, pass, comparison);
    compare_sequences(folder, pass, comparison);
  }
  comparison.finish();
}

}  // namespace nvlm::eval
