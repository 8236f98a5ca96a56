// Learning rate over the steps of a run: linear warm-up, then half a cosine down to min_lr.
#pragma once

#include <cstdint>

namespace nvlm::experiments {

struct LrSchedule {
  double lr = 1e-3;
  double min_lr = 1e-4;
  int64_t warmup_steps = 0;
  int64_t steps = 1;

  /// Rate of the update number `step`, counted from 0. Warm-up: lr * (step + 1) / warmup_steps, so
  /// the first update already moves and update `warmup_steps - 1` has the full rate. Then
  /// min_lr + (lr - min_lr) * (1 + cos(pi * p)) / 2, p from 0 at the end of the warm-up to 1 at
  /// the last update. Steps beyond the last one stay at min_lr.
  /// source: NVLM (arXiv 2409.11402) tables 10 and 11 (warm-up, cosine, minimum rate)
  double at(int64_t step) const;
};

}  // namespace nvlm::experiments
