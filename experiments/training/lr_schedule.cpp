#include "experiments/training/lr_schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace nvlm::experiments {

double LrSchedule::at(int64_t step) const {
  if (step < warmup_steps) {
    return lr * static_cast<double>(step + 1) / static_cast<double>(warmup_steps);
  }
  // The last warm-up update has the full rate, so the cosine starts from there.
  const int64_t start = std::max<int64_t>(warmup_steps - 1, 0);
  const int64_t length = steps - 1 - start;
  if (length <= 0) return step < steps ? lr : min_lr;
  const double progress =
      std::min(1.0, static_cast<double>(step - start) / static_cast<double>(length));
  return min_lr + (lr - min_lr) * 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
}

}  // namespace nvlm::experiments
