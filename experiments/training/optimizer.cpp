#include "experiments/training/optimizer.h"

#include <c10/core/GradMode.h>

#include <stdexcept>
#include <utility>

#include "experiments/training/state_misfits.h"

namespace nvlm::experiments {
namespace {

/// The parameters of `groups` that Muon takes, or those that it leaves; no group without any.
std::vector<ParameterGroup> share(const std::vector<ParameterGroup>& groups, bool with_muon,
                                  bool of_muon) {
  std::vector<ParameterGroup> result;
  for (const ParameterGroup& group : groups) {
    ParameterGroup part{group.decay, group.lr_factor, {}, {}};
    for (size_t i = 0; i < group.names.size(); ++i) {
      const bool is_muon = with_muon && is_hidden_matrix(group.names[i], group.parameters[i]);
      if (is_muon != of_muon) continue;
      part.names.push_back(group.names[i]);
      part.parameters.push_back(group.parameters[i]);
    }
    if (!part.names.empty()) result.push_back(std::move(part));
  }
  return result;
}

/// The same decay per step for both, although their rates differ.
MuonConfig muon_config(const OptimizerConfig& config) {
  MuonConfig muon;
  muon.weight_decay = config.muon > 0 ? config.adamw.weight_decay / config.muon : 0;
  return muon;
}

std::vector<ParameterGroup> in_order_of_optimizers(const std::vector<ParameterGroup>& groups,
                                                   bool with_muon) {
  std::vector<ParameterGroup> all = share(groups, with_muon, false);
  const std::vector<ParameterGroup> of_muon = share(groups, with_muon, true);
  all.insert(all.end(), of_muon.begin(), of_muon.end());
  return all;
}

std::vector<ParameterGroup> kept_here(const std::vector<ParameterGroup>& groups,
                                      const OptimizerShards* shards) {
  return shards == nullptr ? groups : shards->own(groups);
}

}  // namespace

Optimizer::Optimizer(const std::vector<ParameterGroup>& groups, const OptimizerConfig& config,
                     const OptimizerShards* shards)
    : muon_factor_(config.muon),
      shards_(shards),
      groups_(in_order_of_optimizers(groups, config.muon > 0)),
      adamw_(kept_here(share(groups, config.muon > 0, false), shards), config.adamw),
      muon_(kept_here(share(groups, config.muon > 0, true), shards), muon_config(config)) {}

GradientNorms Optimizer::step(double lr, const Tensor& divisor, double clip_norm) {
  const c10::NoGradGuard no_grad;
  const GradientNorms norms = gradient_norms(groups_, divisor);
  // The fused kernel divides gradients by `scale`, so neither the division nor the clipping needs a
  // pass of its own; with `skip` at 1 it changes nothing.
  constexpr double kClipEps = 1e-6;  // as in PyTorch's clip_grad_norm_
  Tensor scale = divisor;
  if (clip_norm > 0) scale = divisor / at::clamp_max(clip_norm / (norms.total + kClipEps), 1.0);
  const Tensor skip = at::isfinite(norms.total).logical_not().to(at::kFloat);
  adamw_.step(lr, scale, skip);
  muon_.step(lr * muon_factor_, divisor, skip);
  if (shards_ != nullptr) shards_->share_weights(groups_);
  return norms;
}

void Optimizer::zero_grad() {
  for (const ParameterGroup& group : groups_) {
    for (const Tensor& parameter : group.parameters) parameter.mutable_grad() = Tensor();
  }
}

std::map<std::string, Tensor> Optimizer::own_state() const {
  std::map<std::string, Tensor> state = adamw_.state();
  state.merge(muon_.state());
  return state;
}

std::map<std::string, Tensor> Optimizer::state() const {
  return shards_ == nullptr ? own_state() : shards_->gather_state(own_state());
}

void Optimizer::load_state(const std::map<std::string, Tensor>& whole) {
  const std::map<std::string, Tensor> stored =
      shards_ == nullptr ? whole : shards_->without_others(whole);
  std::map<std::string, Tensor> own = own_state();
  const std::string findings = state_misfits(own, stored);
  if (!findings.empty()) {
    throw std::runtime_error("optimiser: the stored state does not fit the trainable parameters:" +
                             findings);
  }
  const c10::NoGradGuard no_grad;
  for (auto& [name, tensor] : own) tensor.copy_(stored.at(name));
}

}  // namespace nvlm::experiments
