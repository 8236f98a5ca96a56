#include "eval/statistics/group_sums.h"

#include <cmath>
#include <map>
#include <stdexcept>

namespace nvlm::eval {

std::vector<GroupSum> sum_groups(std::span<const double> values, std::span<const int64_t> groups) {
  std::vector<GroupSum> sums;
  std::map<int64_t, size_t> index_of;
  for (size_t i = 0; i < values.size(); ++i) {
    size_t index = sums.size();
    if (!groups.empty()) index = index_of.try_emplace(groups[i], index).first->second;
    if (index == sums.size()) sums.emplace_back();
    sums[index].sum += values[i];
    ++sums[index].count;
  }
  return sums;
}

void check_grouped_values(std::span<const double> values, std::span<const int64_t> groups,
                          const std::string& what) {
  if (values.empty()) throw std::invalid_argument(what + ": no values");
  if (!groups.empty() && groups.size() != values.size()) {
    throw std::invalid_argument(what + ": " + std::to_string(groups.size()) + " groups for " +
                                std::to_string(values.size()) + " values");
  }
  for (const double value : values) {
    if (!std::isfinite(value)) throw std::invalid_argument(what + ": a value is not finite");
  }
}

}  // namespace nvlm::eval
