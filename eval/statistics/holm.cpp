#include "eval/statistics/holm.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <string>

namespace nvlm::eval {

std::vector<double> holm_adjusted(std::span<const double> p_values) {
  for (const double p : p_values) {
    if (p >= 0.0 && p <= 1.0) continue;
    throw std::invalid_argument("Holm: a p-value is " + std::to_string(p) + ", expected 0 to 1");
  }
  std::vector<size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return p_values[a] < p_values[b]; });
  std::vector<double> adjusted(p_values.size());
  double running = 0.0;
  for (size_t rank = 0; rank < order.size(); ++rank) {
    const auto tests_left = static_cast<double>(order.size() - rank);
    running = std::max(running, std::min(1.0, tests_left * p_values[order[rank]]));
    adjusted[order[rank]] = running;
  }
  return adjusted;
}

}  // namespace nvlm::eval
