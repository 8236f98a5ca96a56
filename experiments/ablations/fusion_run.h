// The training task of an ablation's run.
#pragma once

#include <memory>

#include "experiments/recipes/recipe.h"
#include "experiments/tasks/fusion_task.h"

namespace nvlm::experiments {

/// throws  std::invalid_argument if `config` is of another recipe than the fusion ones; as
///         make_task()
std::unique_ptr<FusionTask> make_fusion_task(const ExperimentConfig& config);

}  // namespace nvlm::experiments
