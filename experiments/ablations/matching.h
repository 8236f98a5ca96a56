// What "under one budget" means, in numbers: steps and widths that make the cost of arms agree.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "experiments/ablations/suite.h"

namespace nvlm::experiments {

/// By how much, as a share of the larger, the matched quantity of two arms may differ.
inline constexpr double kMatchingTolerance = 0.02;

/// What an arm costs over a whole run.
struct ArmCost {
  std::string arm;
  int64_t samples = 0;
  int64_t trainable_parameters = 0;
  double train_flops = 0;
};

/// The number of steps whose cost is nearest to `budget`, at least 1.
/// step_flops  of one step on average, above 0
int64_t steps_within(double budget, double step_flops);

/// The width of `lowest` .. `highest` whose number of parameters is nearest to `target`.
/// parameters_at  rises with the width
int64_t width_with_parameters(int64_t target, int64_t lowest, int64_t highest,
                              const std::function<int64_t(int64_t)>& parameters_at);

/// Checks that the arms agree in what `matching` names, and under kParameters in their samples as
/// well. kNone accepts anything.
/// throws  UsageError naming the two arms that differ most, with their figures and the difference
void require_matched(Matching matching, const std::vector<ArmCost>& arms);

}  // namespace nvlm::experiments
