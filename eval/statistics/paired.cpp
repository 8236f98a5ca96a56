#include "eval/statistics/paired.h"

#include <cmath>
#include <stdexcept>
#include <vector>

#include "common/random.h"
#include "eval/statistics/group_sums.h"

namespace nvlm::eval {
namespace {

/// Sums that differ by rounding only count as equal.
constexpr double kRelativeRounding = 1e-12;

/// Quantiles of the normal distribution: 97.5% and 80%.
constexpr double kNormal975 = 1.959963984540054;
constexpr double kNormal80 = 0.8416212335729143;

/// Sign patterns of at most this many groups can be counted in 64 bits.
constexpr size_t kMaxExactGroups = 40;

class SignFlips {
 public:
  explicit SignFlips(const std::vector<GroupSum>& groups) : groups_(groups) {
    double observed = 0.0;
    double scale = 0.0;
    for (const GroupSum& group : groups_) {
      observed += group.sum;
      scale += std::abs(group.sum);
    }
    threshold_ = std::abs(observed) - kRelativeRounding * scale;
  }

  /// sign(i): whether group i changes its sign.
  template <class Sign>
  bool is_extreme(Sign sign) const {
    double sum = 0.0;
    for (size_t i = 0; i < groups_.size(); ++i) sum += sign(i) ? -groups_[i].sum : groups_[i].sum;
    return std::abs(sum) >= threshold_;
  }

 private:
  const std::vector<GroupSum>& groups_;
  double threshold_ = 0.0;
};

}  // namespace

PermutationTest sign_flip_test(std::span<const double> differences,
                               const PermutationOptions& options, std::span<const int64_t> groups) {
  check_grouped_values(differences, groups, "sign-flip test");
  if (options.permutations < 1) {
    throw std::invalid_argument("sign-flip test: " + std::to_string(options.permutations) +
                                " permutations, expected at least 1");
  }
  const std::vector<GroupSum> sums = sum_groups(differences, groups);
  const SignFlips flips(sums);
  PermutationTest result;
  int64_t extreme = 0;
  if (sums.size() <= kMaxExactGroups && (int64_t{1} << sums.size()) <= options.permutations) {
    const int64_t patterns = int64_t{1} << sums.size();
    for (int64_t pattern = 0; pattern < patterns; ++pattern) {
      if (flips.is_extreme([&](size_t i) { return ((pattern >> i) & 1) != 0; })) ++extreme;
    }
    result.exact = true;
    result.p_value = static_cast<double>(extreme) / static_cast<double>(patterns);
    return result;
  }
  Random random(options.seed);
  for (int64_t trial = 0; trial < options.permutations; ++trial) {
    uint64_t bits = 0;
    const auto sign = [&](size_t i) {
      if (i % 64 == 0) bits = random.next();
      return ((bits >> (i % 64)) & 1) != 0;
    };
    if (flips.is_extreme(sign)) ++extreme;
  }
  result.p_value = static_cast<double>(extreme + 1) / static_cast<double>(options.permutations + 1);
  return result;
}

double clustered_standard_error(std::span<const double> values, std::span<const int64_t> groups) {
  check_grouped_values(values, groups, "standard error");
  const std::vector<GroupSum> sums = sum_groups(values, groups);
  if (sums.size() < 2) return 0.0;
  double total = 0.0;
  for (const double value : values) total += value;
  const auto n = static_cast<double>(values.size());
  const double mean = total / n;
  double squares = 0.0;
  for (const GroupSum& group : sums) {
    const double residual = group.sum - mean * static_cast<double>(group.count);
    squares += residual * residual;
  }
  const auto num_groups = static_cast<double>(sums.size());
  return std::sqrt(num_groups / (num_groups - 1.0) * squares) / n;
}

double minimum_detectable_effect(double standard_error) {
  return (kNormal975 + kNormal80) * standard_error;
}

std::string verdict_name(PairedVerdict verdict) {
  switch (verdict) {
    case PairedVerdict::kBetter:
      return "better";
    case PairedVerdict::kWorse:
      return "worse";
    case PairedVerdict::kNotDistinguishable:
      break;
  }
  return "not distinguishable";
}

PairedComparison compare_paired(std::span<const double> first, std::span<const double> second,
                                bool smaller_is_better, std::span<const int64_t> groups,
                                const PairedOptions& options) {
  if (first.size() != second.size()) {
    throw std::invalid_argument("paired comparison: " + std::to_string(first.size()) + " and " +
                                std::to_string(second.size()) + " values");
  }
  std::vector<double> differences(first.size());
  for (size_t i = 0; i < first.size(); ++i) differences[i] = second[i] - first[i];

  PairedComparison result;
  result.difference = bootstrap_mean(differences, options.bootstrap, groups);
  result.test = sign_flip_test(differences, options.permutation, groups);
  result.num_groups = static_cast<int64_t>(sum_groups(differences, groups).size());
  const double standard_error = clustered_standard_error(differences, groups);
  result.minimum_detectable = minimum_detectable_effect(standard_error);
  if (standard_error > 0.0) {
    result.effect_size = result.difference.mean /
                         (standard_error * std::sqrt(static_cast<double>(result.num_groups)));
  }
  const bool is_clear = result.test.p_value < 1.0 - options.bootstrap.confidence;
  if (is_clear && (result.difference.low > 0.0 || result.difference.high < 0.0)) {
    const bool is_better = (result.difference.mean < 0.0) == smaller_is_better;
    result.verdict = is_better ? PairedVerdict::kBetter : PairedVerdict::kWorse;
  }
  return result;
}

}  // namespace nvlm::eval
