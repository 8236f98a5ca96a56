#include "experiments/training/adamw.h"

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adamw.h>
#include <c10/core/GradMode.h>

#include <stdexcept>
#include <utility>

namespace nvlm::experiments {
namespace {

// As in PyTorch's clip_grad_norm_: keeps a norm of 0 from dividing by 0.
constexpr double kClipEps = 1e-6;

}  // namespace

AdamW::AdamW(std::vector<ParameterGroup> groups, const AdamWConfig& config)
    : groups_(std::move(groups)), config_(config) {
  for (const ParameterGroup& group : groups_) {
    Moments moments;
    for (const Tensor& parameter : group.parameters) {
      const auto options = parameter.options().dtype(at::kFloat).requires_grad(false);
      moments.exp_avg.push_back(at::zeros(parameter.sizes(), options));
      moments.exp_avg_sq.push_back(at::zeros(parameter.sizes(), options));
      moments.updates.push_back(at::zeros({}, options));
    }
    moments_.push_back(std::move(moments));
  }
}

Tensor AdamW::step(double lr, const Tensor& divisor, double clip_norm) {
  const c10::NoGradGuard no_grad;
  struct Active {
    std::vector<Tensor> parameters, gradients, exp_avg, exp_avg_sq, updates;
  };
  std::vector<Active> active(groups_.size());
  std::vector<Tensor> gradients;
  for (size_t g = 0; g < groups_.size(); ++g) {
    for (size_t i = 0; i < groups_[g].parameters.size(); ++i) {
      const Tensor& parameter = groups_[g].parameters[i];
      const Tensor& gradient = parameter.grad();
      if (!gradient.defined()) continue;
      active[g].parameters.push_back(parameter);
      active[g].gradients.push_back(gradient);
      active[g].exp_avg.push_back(moments_[g].exp_avg[i]);
      active[g].exp_avg_sq.push_back(moments_[g].exp_avg_sq[i]);
      active[g].updates.push_back(moments_[g].updates[i]);
      gradients.push_back(gradient);
    }
  }
  if (gradients.empty()) throw std::invalid_argument("adamw: no parameter has a gradient");

  const Tensor norm = at::linalg_vector_norm(at::stack(at::_foreach_norm(gradients))) / divisor;
  // The fused kernel divides gradients by `scale`, so neither the division nor the clipping needs a
  // pass of its own; with `skip` at 1 it changes nothing.
  Tensor scale = divisor;
  if (clip_norm > 0) scale = divisor / at::clamp_max(clip_norm / (norm + kClipEps), 1.0);
  const Tensor skip = at::isfinite(norm).logical_not().to(at::kFloat);
  for (size_t g = 0; g < groups_.size(); ++g) {
    Active& a = active[g];
    if (a.parameters.empty()) continue;
    at::_foreach_add_(a.updates, 1);
    at::_fused_adamw_(a.parameters, a.gradients, a.exp_avg, a.exp_avg_sq, /*max_exp_avg_sqs=*/{},
                      a.updates, lr * groups_[g].lr_factor, config_.beta1, config_.beta2,
                      groups_[g].decay ? config_.weight_decay : 0.0, config_.eps, /*amsgrad=*/false,
                      /*maximize=*/false, scale, skip);
  }
  return norm;
}

void AdamW::zero_grad() {
  for (ParameterGroup& group : groups_) {
    for (Tensor& parameter : group.parameters) parameter.mutable_grad() = Tensor();
  }
}

std::map<std::string, Tensor> AdamW::state() const {
  std::map<std::string, Tensor> state;
  for (size_t g = 0; g < groups_.size(); ++g) {
    for (size_t i = 0; i < groups_[g].names.size(); ++i) {
      const std::string& name = groups_[g].names[i];
      state["exp_avg/" + name] = moments_[g].exp_avg[i];
      state["exp_avg_sq/" + name] = moments_[g].exp_avg_sq[i];
      state["updates/" + name] = moments_[g].updates[i];
    }
  }
  return state;
}

void AdamW::load_state(const std::map<std::string, Tensor>& state) {
  const c10::NoGradGuard no_grad;
  std::map<std::string, Tensor> own = this->state();
  std::string findings;
  for (const auto& [name, tensor] : own) {
    const auto stored = state.find(name);
    if (stored == state.end()) {
      findings += "\n  missing: " + name;
    } else if (stored->second.sizes() != tensor.sizes()) {
      findings += "\n  " + name + " is " + c10::str(stored->second.sizes()) + ", expected " +
                  c10::str(tensor.sizes());
    }
  }
  for (const auto& [name, tensor] : state) {
    if (own.count(name) == 0) findings += "\n  unexpected: " + name;
  }
  if (!findings.empty()) {
    throw std::runtime_error("adamw: the stored state does not fit the trainable parameters:" +
                             findings);
  }
  for (auto& [name, tensor] : own) tensor.copy_(state.at(name));
}

}  // namespace nvlm::experiments
