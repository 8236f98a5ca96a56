#include "experiments/training/optimizer.h"

#include <ATen/ops/_foreach_norm.h>
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

Tensor gradient_norm(const std::vector<ParameterGroup>& groups) {
  std::vector<Tensor> gradients;
  for (const ParameterGroup& group : groups) {
    for (const Tensor& parameter : group.parameters) {
      if (parameter.grad().defined()) gradients.push_back(parameter.grad());
    }
  }
  if (gradients.empty()) throw std::invalid_argument("optimiser: no parameter has a gradient");
  return at::linalg_vector_norm(at::stack(at::_foreach_norm(gradients)));
}

}  // namespace

Optimizer::Optimizer(const std::vector<ParameterGroup>& groups, const OptimizerConfig& config)
    : muon_factor_(config.muon),
      adamw_(share(groups, config.muon > 0, false), config.adamw),
      muon_(share(groups, config.muon > 0, true), muon_config(config)),
      groups_(adamw_.groups()) {
  groups_.insert(groups_.end(), muon_.groups().begin(), muon_.groups().end());
}

Tensor Optimizer::step(double lr, const Tensor& divisor, double clip_norm) {
  const c10::NoGradGuard no_grad;
  const Tensor norm = gradient_norm(groups_) / divisor;
  // The fused kernel divides gradients by `scale`, so neither the division nor the clipping needs a
  // pass of its own; with `skip` at 1 it changes nothing.
  constexpr double kClipEps = 1e-6;  // as in PyTorch's clip_grad_norm_
  Tensor scale = divisor;
  if (clip_norm > 0) scale = divisor / at::clamp_max(clip_norm / (norm + kClipEps), 1.0);
  const Tensor skip = at::isfinite(norm).logical_not().to(at::kFloat);
  adamw_.step(lr, scale, skip);
  muon_.step(lr * muon_factor_, divisor, skip);
  return norm;
}

void Optimizer::zero_grad() {
  for (const ParameterGroup& group : groups_) {
    for (const Tensor& parameter : group.parameters) parameter.mutable_grad() = Tensor();
  }
}

std::map<std::string, Tensor> Optimizer::state() const {
  std::map<std::string, Tensor> state = adamw_.state();
  state.merge(muon_.state());
  return state;
}

void Optimizer::load_state(const std::map<std::string, Tensor>& state) {
  std::map<std::string, Tensor> own = this->state();
  const std::string findings = state_misfits(own, state);
  if (!findings.empty()) {
    throw std::runtime_error("optimiser: the stored state does not fit the trainable parameters:" +
                             findings);
  }
  const c10::NoGradGuard no_grad;
  for (auto& [name, tensor] : own) tensor.copy_(state.at(name));
}

}  // namespace nvlm::experiments
