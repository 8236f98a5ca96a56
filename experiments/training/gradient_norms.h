// How large the gradients of a step are, in all and by part of the model.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/tensor.h"
#include "experiments/training/freeze_plan.h"

namespace nvlm::experiments {

/// [] float on the parameters' device; nothing has waited for them.
struct GradientNorms {
  Tensor total;                           // global norm
  std::map<std::string, Tensor> modules;  // by the first part of the parameters' names
};

/// Norms of gradients divided by `divisor` ([] float); each gradient is read once.
/// throws  std::invalid_argument if no parameter has a gradient
GradientNorms gradient_norms(const std::vector<ParameterGroup>& groups, const Tensor& divisor);

}  // namespace nvlm::experiments
