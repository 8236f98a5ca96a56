// Quantiles of a sample.
#pragma once

#include <span>

namespace nvlm::eval {

/// The q-quantile of sorted values by linear interpolation (type 7 of Hyndman and Fan 1996).
/// sorted  ascending, at least one value
/// q       0 to 1
double sorted_quantile(std::span<const double> sorted, double q);

}  // namespace nvlm::eval
