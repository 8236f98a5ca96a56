#include "eval/statistics/bootstrap.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/random.h"
#include "eval/statistics/group_sums.h"
#include "eval/statistics/quantile.h"

namespace nvlm::eval {
namespace {

void check_bootstrap(std::span<const double> values, const BootstrapOptions& options,
                     std::span<const int64_t> groups) {
  check_grouped_values(values, groups, "bootstrap");
  if (options.resamples < 1 || !(options.confidence > 0.0 && options.confidence < 1.0)) {
    throw std::invalid_argument("bootstrap: " + std::to_string(options.resamples) +
                                " resamples at confidence " + std::to_string(options.confidence) +
                                ", expected at least 1 and a confidence between 0 and 1");
  }
}

}  // namespace

MeanInterval bootstrap_mean(std::span<const double> values, const BootstrapOptions& options,
                            std::span<const int64_t> groups) {
  check_bootstrap(values, options, groups);
  MeanInterval result;
  result.n = static_cast<int64_t>(values.size());
  double total = 0.0;
  for (const double value : values) total += value;
  result.mean = total / static_cast<double>(values.size());

  const std::vector<GroupSum> units = sum_groups(values, groups);
  const auto last_unit = static_cast<int64_t>(units.size()) - 1;
  Random random(options.seed);
  std::vector<double> means(static_cast<size_t>(options.resamples));
  for (double& mean : means) {
    GroupSum drawn;
    for (size_t i = 0; i < units.size(); ++i) {
      const GroupSum& unit = units[static_cast<size_t>(random.integer(0, last_unit))];
      drawn.sum += unit.sum;
      drawn.count += unit.count;
    }
    mean = drawn.sum / static_cast<double>(drawn.count);
  }
  std::sort(means.begin(), means.end());
  const double tail = (1.0 - options.confidence) / 2.0;
  result.low = sorted_quantile(means, tail);
  result.high = sorted_quantile(means, 1.0 - tail);
  return result;
}

}  // namespace nvlm::eval
