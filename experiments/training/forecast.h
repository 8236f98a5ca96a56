// What a run will cost, before it begins.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "experiments/training/train_config.h"
#include "experiments/training/training_task.h"

namespace nvlm::experiments {

struct RunForecast {
  /// The samples of the batches that were looked at, by rising tokens.
  std::vector<PassCost::SampleSize> samples;
  double step_flops = 0;  // mean over those batches, by the shares of their kinds in the run
  double peak_bytes = 0;  // of the process: what it holds now, moments, gradients, largest pass
  double checkpoint_bytes = 0;  // of one checkpoint: state and model
  double trial_seconds = 0;     // of a step, by trying; 0: not tried

  double total_flops(const TrainConfig& config) const {
    return step_flops * static_cast<double>(config.steps);
  }
  double disk_bytes(const TrainConfig& config) const;
};

/// Looks at the first batches of each kind in the run, which it prepares. Freezes as planned.
/// most     batches of a kind; where the run has fewer, all of them
/// returns  nothing for tasks that cannot tell what a pass costs
std::optional<RunForecast> forecast(TrainingTask& task, const TrainConfig& config, int64_t most);

/// Carries out two steps and forgets them, for `trial_seconds`: the second one's. Changes the
/// weights. Returns the largest number of bytes that the process held.
int64_t try_steps(TrainingTask& task, const TrainConfig& config, RunForecast& forecast);

/// Tokens at the least, median and most tiles, FLOPs, memory, disk and time, a line each.
std::string describe(const RunForecast& forecast, const TrainConfig& config);

}  // namespace nvlm::experiments
