#include "experiments/ablations/matching.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "common/error.h"

namespace nvlm::experiments {
namespace {

void require_equal(const std::vector<ArmCost>& arms, Matching matching, const char* unit,
                   const std::function<double(const ArmCost&)>& amount) {
  const auto [least, most] = std::minmax_element(
      arms.begin(), arms.end(),
      [&](const ArmCost& a, const ArmCost& b) { return amount(a) < amount(b); });
  const double difference = 1 - amount(*least) / amount(*most);
  if (!(difference > kMatchingTolerance)) return;
  std::ostringstream text;
  text.precision(6);
  text << "arms are not comparable under the matching '" << name(matching) << "': '" << least->arm
       << "' has " << amount(*least) << " " << unit << " and '" << most->arm << "' "
       << amount(*most) << ", a difference of ";
  text.precision(3);
  text << 100 * difference << "%, expected at most " << 100 * kMatchingTolerance
       << "%; --allow-unmatched runs them all the same";
  throw UsageError(text.str());
}

}  // namespace

int64_t steps_within(double budget, double step_flops) {
  return std::max<int64_t>(1, std::llround(budget / step_flops));
}

int64_t width_with_parameters(int64_t target, int64_t lowest, int64_t highest,
                              const std::function<int64_t(int64_t)>& parameters_at) {
  int64_t low = lowest, high = highest;  // the first width with enough parameters, or `highest`
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (parameters_at(middle) < target) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == lowest) return low;
  const int64_t above = std::abs(parameters_at(low) - target);
  const int64_t below = std::abs(target - parameters_at(low - 1));
  return below < above ? low - 1 : low;
}

void require_matched(Matching matching, const std::vector<ArmCost>& arms) {
  if (matching == Matching::kNone || arms.empty()) return;
  if (matching == Matching::kFlops) {
    require_equal(arms, matching, "training FLOPs",
                  [](const ArmCost& arm) { return arm.train_flops; });
    return;
  }
  require_equal(arms, matching, "samples",
                [](const ArmCost& arm) { return static_cast<double>(arm.samples); });
  if (matching == Matching::kParameters) {
    require_equal(arms, matching, "trainable parameters",
                  [](const ArmCost& arm) { return static_cast<double>(arm.trainable_parameters); });
  }
}

}  // namespace nvlm::experiments
