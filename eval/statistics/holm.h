// Several tests of one study at once.
#pragma once

#include <span>
#include <vector>

namespace nvlm::eval {

/// Holm's step-down adjustment: rejecting where the adjusted p-value is below a level keeps the
/// chance of any false rejection among all the tests below that level, however they depend on each
/// other.
/// returns  the adjusted p-values in the order of `p_values`; none for none
/// throws   std::invalid_argument for a p-value outside [0, 1]
/// source: Holm 1979 (Scand. J. Statist. 6:65-70)
std::vector<double> holm_adjusted(std::span<const double> p_values);

}  // namespace nvlm::eval
