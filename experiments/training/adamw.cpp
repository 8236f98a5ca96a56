#include "experiments/training/adamw.h"

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_fused_adamw.h>
#include <c10/core/GradMode.h>

#include <utility>

namespace nvlm::experiments {

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

void AdamW::step(double lr, const Tensor& scale, const Tensor& skip) {
  const c10::NoGradGuard no_grad;
  for (size_t g = 0; g < groups_.size(); ++g) {
    std::vector<Tensor> parameters, gradients, exp_avg, exp_avg_sq, updates;
    for (size_t i = 0; i < groups_[g].parameters.size(); ++i) {
      const Tensor& parameter = groups_[g].parameters[i];
      if (!parameter.grad().defined()) continue;
      parameters.push_back(parameter);
      gradients.push_back(parameter.grad());
      exp_avg.push_back(moments_[g].exp_avg[i]);
      exp_avg_sq.push_back(moments_[g].exp_avg_sq[i]);
      updates.push_back(moments_[g].updates[i]);
    }
    if (parameters.empty()) continue;
    at::_foreach_add_(updates, 1);
    at::_fused_adamw_(parameters, gradients, exp_avg, exp_avg_sq, /*max_exp_avg_sqs=*/{}, updates,
                      lr * groups_[g].lr_factor, config_.beta1, config_.beta2,
                      groups_[g].decay ? config_.weight_decay : 0.0, config_.eps, /*amsgrad=*/false,
                      /*maximize=*/false, scale, skip);
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

}  // namespace nvlm::experiments
