// What one training step of a configuration costs, measured on the batches that it begins with.
#pragma once

#include <cstdint>

#include "experiments/recipes/recipe.h"

namespace nvlm::experiments {

struct StepCost {
  double flops = 0;    // forward and backward, mean over the batches (ledger.h)
  double seconds = 0;  // of forward and backward, on the threads in use
  int64_t trainable_parameters = 0, total_parameters = 0;
};

/// config   of a fusion recipe; its checkpoints must exist, trained or not
/// batches  the first so many of the run; at least 2, as the first one warms up
/// throws   as make_task()
StepCost measure_step_cost(const ExperimentConfig& config, int64_t batches);

/// The number of parameters that a run of `config` trains.
int64_t trainable_parameters(const ExperimentConfig& config);

}  // namespace nvlm::experiments
