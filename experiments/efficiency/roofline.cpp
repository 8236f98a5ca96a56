#include "experiments/efficiency/roofline.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace nvlm::experiments {

double Machine::seconds(const Work& work) const {
  const double computing = work.flops / (peak_flops * efficiency);
  const double moving = bandwidth > 0 ? work.bytes / bandwidth : 0;
  return std::max(computing, moving) + overhead_seconds;
}

Machine fitted(Machine machine, const Work& work, double measured_seconds) {
  const double computing = measured_seconds - machine.overhead_seconds;
  if (computing <= 0) {
    throw std::invalid_argument("roofline: " + std::to_string(measured_seconds) +
                                " s measured, expected more than the overhead of " +
                                std::to_string(machine.overhead_seconds) + " s");
  }
  machine.efficiency = work.flops / (machine.peak_flops * computing);
  return machine;
}

}  // namespace nvlm::experiments
