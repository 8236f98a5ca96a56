#include "eval/statistics/crossed.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <stdexcept>
#include <string>

#include "common/random.h"
#include "eval/statistics/group_sums.h"
#include "eval/statistics/quantile.h"

namespace nvlm::eval {
namespace {

constexpr double kPower = 0.8;

using boost::math::students_t;

/// Group sums by seed: the units of the analysis.
struct CrossedUnits {
  std::vector<std::vector<GroupSum>> sums;  // [seeds][groups]
  double mean = 0.0;
  size_t num_items = 0;

  size_t num_seeds() const { return sums.size(); }
  size_t num_groups() const { return sums.front().size(); }
  double cells() const { return static_cast<double>(num_seeds() * num_groups()); }
};

void check_confidence(double confidence, const std::string& what) {
  if (confidence > 0.0 && confidence < 1.0) return;
  throw std::invalid_argument(what + ": confidence is " + std::to_string(confidence) +
                              ", expected between 0 and 1");
}

CrossedUnits make_units(std::span<const std::vector<double>> values,
                        std::span<const int64_t> groups) {
  if (values.size() < 2) {
    throw std::invalid_argument("crossed mean: " + std::to_string(values.size()) +
                                " seeds, expected at least 2");
  }
  CrossedUnits units;
  units.num_items = values.front().size();
  double total = 0.0;
  for (const std::vector<double>& row : values) {
    if (row.size() != units.num_items) {
      throw std::invalid_argument("crossed mean: a seed has " + std::to_string(row.size()) +
                                  " items, the first " + std::to_string(units.num_items));
    }
    check_grouped_values(row, groups, "crossed mean");
    units.sums.push_back(sum_groups(row, groups));
    for (const GroupSum& sum : units.sums.back()) total += sum.sum;
  }
  if (units.num_groups() < 2) {
    throw std::invalid_argument("crossed mean: 1 group of items, expected at least 2");
  }
  units.mean = total / static_cast<double>(values.size() * units.num_items);
  return units;
}

MeanSquares mean_squares_of(const CrossedUnits& units) {
  const size_t seeds = units.num_seeds();
  const size_t groups = units.num_groups();
  const double scale = static_cast<double>(groups) / static_cast<double>(units.num_items);
  // Deviations from the mean, whose own mean is 0.
  const auto deviation = [&](size_t s, size_t g) {
    const GroupSum& unit = units.sums[s][g];
    return scale * (unit.sum - static_cast<double>(unit.count) * units.mean);
  };
  std::vector<double> seed_means(seeds, 0.0);
  std::vector<double> group_means(groups, 0.0);
  for (size_t s = 0; s < seeds; ++s) {
    for (size_t g = 0; g < groups; ++g) {
      seed_means[s] += deviation(s, g) / static_cast<double>(groups);
      group_means[g] += deviation(s, g) / static_cast<double>(seeds);
    }
  }
  MeanSquares squares;
  for (size_t s = 0; s < seeds; ++s) {
    squares.seed += static_cast<double>(groups) * seed_means[s] * seed_means[s];
    for (size_t g = 0; g < groups; ++g) {
      const double rest = deviation(s, g) - seed_means[s] - group_means[g];
      squares.residual += rest * rest;
    }
  }
  for (const double mean : group_means) squares.item += static_cast<double>(seeds) * mean * mean;
  squares.seed /= static_cast<double>(seeds - 1);
  squares.item /= static_cast<double>(groups - 1);
  squares.residual /= static_cast<double>((seeds - 1) * (groups - 1));
  return squares;
}

/// Fills standard error and degrees of freedom from the mean squares.
void estimate_error(const CrossedUnits& units, CrossedMean& result) {
  const MeanSquares& squares = result.mean_squares;
  const auto of_seeds = static_cast<double>(units.num_seeds() - 1);
  const auto of_groups = static_cast<double>(units.num_groups() - 1);
  const double combined = squares.seed + squares.item - squares.residual;
  if (combined <= squares.residual) {
    result.standard_error = std::sqrt(squares.residual / units.cells());
    result.degrees_of_freedom = of_seeds * of_groups;
    return;
  }
  result.standard_error = std::sqrt(combined / units.cells());
  const double spread = squares.seed * squares.seed / of_seeds +
                        squares.item * squares.item / of_groups +
                        squares.residual * squares.residual / (of_seeds * of_groups);
  result.degrees_of_freedom = combined * combined / spread;
}

void test_mean(double confidence, CrossedMean& result) {
  result.low = result.high = result.mean;
  result.p_value = result.mean == 0.0 ? 1.0 : 0.0;
  if (result.standard_error == 0.0) return;  // no value differs from another
  const students_t t(result.degrees_of_freedom);
  const double critical = boost::math::quantile(t, 0.5 + confidence / 2.0);
  const double statistic = std::abs(result.mean) / result.standard_error;
  result.low = result.mean - critical * result.standard_error;
  result.high = result.mean + critical * result.standard_error;
  result.p_value = 2.0 * boost::math::cdf(boost::math::complement(t, statistic));
  result.minimum_detectable = (critical + boost::math::quantile(t, kPower)) * result.standard_error;
}

/// How often each of `count` units is drawn in `count` draws with replacement.
std::vector<double> draw_counts(size_t count, Random& random) {
  std::vector<double> counts(count, 0.0);
  for (size_t i = 0; i < count; ++i) {
    counts[static_cast<size_t>(random.integer(0, static_cast<int64_t>(count) - 1))] += 1.0;
  }
  return counts;
}

MeanInterval pigeonhole_bootstrap(const CrossedUnits& units, const BootstrapOptions& options) {
  Random random(options.seed);
  std::vector<double> means(static_cast<size_t>(options.resamples));
  for (double& mean : means) {
    const std::vector<double> seeds = draw_counts(units.num_seeds(), random);
    const std::vector<double> groups = draw_counts(units.num_groups(), random);
    double sum = 0.0;
    double count = 0.0;
    for (size_t s = 0; s < seeds.size(); ++s) {
      if (seeds[s] == 0.0) continue;
      for (size_t g = 0; g < groups.size(); ++g) {
        sum += seeds[s] * groups[g] * units.sums[s][g].sum;
        count += seeds[s] * groups[g] * static_cast<double>(units.sums[s][g].count);
      }
    }
    mean = sum / count;
  }
  std::sort(means.begin(), means.end());
  const double tail = (1.0 - options.confidence) / 2.0;
  return {units.mean, sorted_quantile(means, tail), sorted_quantile(means, 1.0 - tail),
          static_cast<int64_t>(units.num_seeds() * units.num_items)};
}

}  // namespace

CrossedMean crossed_mean(std::span<const std::vector<double>> values,
                         std::span<const int64_t> groups, const BootstrapOptions& options) {
  check_confidence(options.confidence, "crossed mean");
  if (options.resamples < 1) {
    throw std::invalid_argument("crossed mean: " + std::to_string(options.resamples) +
                                " resamples, expected at least 1");
  }
  const CrossedUnits units = make_units(values, groups);
  CrossedMean result;
  result.mean = units.mean;
  result.num_seeds = static_cast<int64_t>(units.num_seeds());
  result.num_items = static_cast<int64_t>(units.num_items);
  result.num_groups = static_cast<int64_t>(units.num_groups());
  result.mean_squares = mean_squares_of(units);
  estimate_error(units, result);
  test_mean(options.confidence, result);
  result.bootstrap = pigeonhole_bootstrap(units, options);
  return result;
}

CrossedMean crossed_difference(std::span<const std::vector<double>> first,
                               std::span<const std::vector<double>> second,
                               std::span<const int64_t> groups, const BootstrapOptions& options) {
  if (first.size() != second.size()) {
    throw std::invalid_argument("crossed difference: " + std::to_string(first.size()) + " and " +
                                std::to_string(second.size()) + " seeds");
  }
  std::vector<std::vector<double>> differences;
  for (size_t s = 0; s < first.size(); ++s) {
    if (first[s].size() != second[s].size()) {
      throw std::invalid_argument("crossed difference: " + std::to_string(first[s].size()) +
                                  " and " + std::to_string(second[s].size()) + " items");
    }
    std::vector<double>& row = differences.emplace_back(first[s].size());
    for (size_t i = 0; i < row.size(); ++i) row[i] = second[s][i] - first[s][i];
  }
  return crossed_mean(differences, groups, options);
}

MeanInterval student_mean(std::span<const double> values, double confidence) {
  check_grouped_values(values, {}, "mean");
  check_confidence(confidence, "mean");
  const auto n = static_cast<double>(values.size());
  double total = 0.0;
  for (const double value : values) total += value;
  MeanInterval result{total / n, total / n, total / n, static_cast<int64_t>(values.size())};
  if (values.size() < 2) return result;
  double squares = 0.0;
  for (const double value : values) squares += (value - result.mean) * (value - result.mean);
  const double error = std::sqrt(squares / (n - 1.0) / n);
  const double half = error * boost::math::quantile(students_t(n - 1.0), 0.5 + confidence / 2.0);
  result.low -= half;
  result.high += half;
  return result;
}

PairedVerdict verdict_of(double difference, double p_value, bool smaller_is_better, double level) {
  if (!(p_value < level) || difference == 0.0) return PairedVerdict::kNotDistinguishable;
  return (difference < 0.0) == smaller_is_better ? PairedVerdict::kBetter : PairedVerdict::kWorse;
}

}  // namespace nvlm::eval
