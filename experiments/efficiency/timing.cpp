#include "experiments/efficiency/timing.h"

#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

namespace nvlm::experiments {

std::vector<double> time_repeats(at::Device device, int repeats,
                                 const std::function<void()>& work) {
  const auto wait = [&] {
    if (!device.is_cpu())
      c10::impl::VirtualGuardImpl(device.type()).synchronizeDevice(device.index());
  };
  work();
  wait();
  std::vector<double> seconds;
  for (int i = 0; i < repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    wait();
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds;
}

double median(const std::vector<double>& sorted) { return sorted[sorted.size() / 2]; }

Spread spread(const std::vector<double>& sorted) {
  const auto n = static_cast<double>(sorted.size());
  Spread result;
  result.mean = std::accumulate(sorted.begin(), sorted.end(), 0.0) / n;
  double squares = 0;
  for (const double value : sorted) squares += (value - result.mean) * (value - result.mean);
  if (sorted.size() > 1) result.deviation = std::sqrt(squares / (n - 1));
  result.p50 = median(sorted);
  result.p95 = sorted[static_cast<size_t>(std::ceil(0.95 * n)) - 1];
  return result;
}

}  // namespace nvlm::experiments
