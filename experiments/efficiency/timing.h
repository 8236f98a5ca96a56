// Seconds of a piece of work, device queue included.
#pragma once

#include <c10/core/Device.h>

#include <functional>
#include <vector>

namespace nvlm::experiments {

/// Runs `work` once to warm up and `repeats` times for the clock; waits for the device each time.
/// returns  seconds of each repeat, sorted
std::vector<double> time_repeats(at::Device device, int repeats, const std::function<void()>& work);

/// The middle one of sorted values, at least one.
double median(const std::vector<double>& sorted);

/// What repeats say together.
struct Spread {
  double mean = 0;
  double deviation = 0;  // standard, of one repeat; 0 for a single one
  double p50 = 0, p95 = 0;
};

/// Of sorted values, at least one; percentiles are the values at or above their rank.
Spread spread(const std::vector<double>& sorted);

}  // namespace nvlm::experiments
