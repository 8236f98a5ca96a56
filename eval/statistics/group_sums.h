// Values of one group, such as the tables of one document, taken together.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace nvlm::eval {

struct GroupSum {
  double sum = 0.0;
  int64_t count = 0;
};

/// Sums by group, in the order in which groups first appear; without groups every value is one.
std::vector<GroupSum> sum_groups(std::span<const double> values, std::span<const int64_t> groups);

/// throws  std::invalid_argument "<what>: ..." if there is no value, one is not finite, or `groups`
///         is neither empty nor as long as `values`
void check_grouped_values(std::span<const double> values, std::span<const int64_t> groups,
                          const std::string& what);

}  // namespace nvlm::eval
