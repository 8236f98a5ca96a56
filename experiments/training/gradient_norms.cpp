#include "experiments/training/gradient_norms.h"

#include <ATen/ops/_foreach_norm.h>
#include <c10/core/GradMode.h>

#include <stdexcept>

namespace nvlm::experiments {

GradientNorms gradient_norms(const std::vector<ParameterGroup>& groups, const Tensor& divisor) {
  const c10::NoGradGuard no_grad;
  std::vector<Tensor> gradients;
  std::vector<std::string> modules;
  for (const ParameterGroup& group : groups) {
    for (size_t i = 0; i < group.parameters.size(); ++i) {
      if (!group.parameters[i].grad().defined()) continue;
      gradients.push_back(group.parameters[i].grad());
      modules.push_back(group.names[i].substr(0, group.names[i].find('.')));
    }
  }
  if (gradients.empty()) throw std::invalid_argument("optimiser: no parameter has a gradient");
  const std::vector<Tensor> norms = at::_foreach_norm(gradients);
  std::map<std::string, std::vector<Tensor>> by_module;
  for (size_t i = 0; i < norms.size(); ++i) by_module[modules[i]].push_back(norms[i]);

  GradientNorms result;
  result.total = at::linalg_vector_norm(at::stack(norms)) / divisor;
  for (const auto& [module, parts] : by_module) {
    result.modules[module] = at::linalg_vector_norm(at::stack(parts)) / divisor;
  }
  return result;
}

}  // namespace nvlm::experiments
