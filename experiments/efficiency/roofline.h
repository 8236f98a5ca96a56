// Seconds from operations and bytes: a machine described by four numbers.
#pragma once

namespace nvlm::experiments {

/// What a piece of work asks of a machine.
struct Work {
  double flops = 0;  // of matrix products
  double bytes = 0;  // to and from memory, at least
};

/// A roofline with a fixed part: max(flops / (peak * efficiency), bytes / bandwidth) + overhead.
struct Machine {
  double peak_flops = 0;  // per second, of matrix products in the dtype at hand, all devices
  double bandwidth = 0;   // bytes per second; 0: memory never limits
  double efficiency = 1;  // share of the peak that real work reaches
  double overhead_seconds = 0;

  double seconds(const Work& work) const;
};

/// `machine` with the efficiency at which `work` takes exactly `measured_seconds`.
/// throws  std::invalid_argument if no efficiency does: the time is no longer than the overhead
Machine fitted(Machine machine, const Work& work, double measured_seconds);

}  // namespace nvlm::experiments
