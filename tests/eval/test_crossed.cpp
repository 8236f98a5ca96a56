#include <doctest/doctest.h>

#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "common/random.h"
#include "eval/statistics/crossed.h"
#include "eval/statistics/holm.h"

namespace nvlm::eval {
namespace {

using SeedRows = std::vector<std::vector<double>>;

/// mean + a(seed) + b(item) + noise
SeedRows simulated(size_t seeds, size_t items, double mean, double seed_deviation,
                   double item_deviation, Random& random) {
  std::vector<double> item_effects(items);
  for (double& effect : item_effects) effect = item_deviation * random.normal();
  SeedRows rows(seeds, std::vector<double>(items));
  for (std::vector<double>& row : rows) {
    const double seed_effect = seed_deviation * random.normal();
    for (size_t i = 0; i < items; ++i) {
      row[i] = mean + seed_effect + item_effects[i] + random.normal();
    }
  }
  return rows;
}

}  // namespace

TEST_CASE("Holm: the step-down rule by hand") {
  // Sorted 0.005, 0.01, 0.03, 0.04 with factors 4, 3, 2, 1: 0.02, 0.03, 0.06, then not below 0.06.
  const std::vector<double> adjusted = holm_adjusted(std::vector<double>{0.01, 0.04, 0.03, 0.005});
  CHECK(adjusted[0] == doctest::Approx(0.03));
  CHECK(adjusted[1] == doctest::Approx(0.06));
  CHECK(adjusted[2] == doctest::Approx(0.06));
  CHECK(adjusted[3] == doctest::Approx(0.02));
  CHECK(holm_adjusted(std::vector<double>{0.6, 0.7}) == std::vector<double>{1.0, 1.0});
  CHECK(holm_adjusted(std::vector<double>{0.2}) == std::vector<double>{0.2});
  CHECK(holm_adjusted({}).empty());
  CHECK_THROWS_AS(holm_adjusted(std::vector<double>{1.1}), std::invalid_argument);
  CHECK_THROWS_AS(holm_adjusted(std::vector<double>{std::nan("")}), std::invalid_argument);
}

TEST_CASE("Holm: never below the p-value, never above Bonferroni, in the same order") {
  Random random(3);
  for (int trial = 0; trial < 100; ++trial) {
    std::vector<double> p_values(static_cast<size_t>(random.integer(1, 8)));
    for (double& p : p_values) p = random.uniform();
    const std::vector<double> adjusted = holm_adjusted(p_values);
    for (size_t i = 0; i < p_values.size(); ++i) {
      CHECK(adjusted[i] >= p_values[i]);
      CHECK(adjusted[i] <= std::min(1.0, p_values[i] * static_cast<double>(p_values.size())));
      for (size_t j = 0; j < p_values.size(); ++j) {
        if (p_values[i] < p_values[j]) CHECK(adjusted[i] <= adjusted[j]);
      }
    }
  }
}

TEST_CASE("crossed mean: mean squares, error and degrees of freedom by hand") {
  // Seed means 2 and 4, item means 1.5 and 4.5, every residual 0.5 in magnitude.
  const CrossedMean result = crossed_mean(SeedRows{{1.0, 3.0}, {2.0, 6.0}});
  CHECK(result.mean == doctest::Approx(3.0));
  CHECK(result.mean_squares.seed == doctest::Approx(4.0));
  CHECK(result.mean_squares.item == doctest::Approx(9.0));
  CHECK(result.mean_squares.residual == doctest::Approx(1.0));
  CHECK(result.standard_error == doctest::Approx(std::sqrt(12.0 / 4.0)));
  CHECK(result.degrees_of_freedom == doctest::Approx(144.0 / (16.0 + 81.0 + 1.0)));
  CHECK(result.num_seeds == 2);
  CHECK(result.num_items == 2);
  CHECK(result.num_groups == 2);
}

TEST_CASE("crossed mean: never more certain than the residual allows") {
  // No effect of seed or item at all: 1 and -1 like a chessboard; residual 8/3 over 8 cells.
  const CrossedMean result = crossed_mean(SeedRows{{1.0, -1.0, 1.0, -1.0}, {-1.0, 1.0, -1.0, 1.0}});
  CHECK(result.mean_squares.seed == doctest::Approx(0.0));
  CHECK(result.mean_squares.item == doctest::Approx(0.0));
  CHECK(result.standard_error == doctest::Approx(std::sqrt(8.0 / 3.0 / 8.0)));
  CHECK(result.degrees_of_freedom == doctest::Approx(3.0));
}

TEST_CASE("crossed mean: the interval is where p crosses its level") {
  Random random(8);
  const SeedRows rows = simulated(3, 20, 0.1, 0.1, 0.2, random);
  const CrossedMean result = crossed_mean(rows);
  const boost::math::students_t t(result.degrees_of_freedom);
  CHECK(result.p_value ==
        doctest::Approx(2.0 * boost::math::cdf(boost::math::complement(
                                  t, std::abs(result.mean) / result.standard_error))));
  SeedRows shifted = rows;
  for (std::vector<double>& row : shifted) {
    for (double& value : row) value -= result.low;
  }
  CHECK(crossed_mean(shifted).p_value == doctest::Approx(0.05).epsilon(1e-6));
}

TEST_CASE("crossed mean: grouped items count as one") {
  Random random(5);
  const SeedRows rows = simulated(3, 30, 0.0, 0.1, 0.5, random);
  SeedRows doubled(3);
  std::vector<int64_t> groups;
  for (size_t i = 0; i < 30; ++i) groups.insert(groups.end(), 2, static_cast<int64_t>(i));
  for (size_t s = 0; s < 3; ++s) {
    for (const double value : rows[s]) doubled[s].insert(doubled[s].end(), 2, value);
  }
  const CrossedMean once = crossed_mean(rows);
  const CrossedMean twice = crossed_mean(doubled, groups);
  CHECK(twice.standard_error == doctest::Approx(once.standard_error));
  CHECK(twice.degrees_of_freedom == doctest::Approx(once.degrees_of_freedom));
  CHECK(twice.num_groups == 30);
  CHECK(twice.num_items == 60);
  CHECK(crossed_mean(doubled).standard_error < once.standard_error);
}

TEST_CASE("crossed mean: what a comparison of an arm with itself says") {
  Random random(2);
  const SeedRows rows = simulated(3, 10, 0.5, 0.1, 0.1, random);
  const CrossedMean same = crossed_difference(rows, rows);
  CHECK(same.mean == 0.0);
  CHECK(same.p_value == 1.0);
  CHECK(same.low == 0.0);
  CHECK(same.high == 0.0);
  SeedRows better = rows;
  for (std::vector<double>& row : better) {
    for (double& value : row) value += 0.25;
  }
  const CrossedMean difference = crossed_difference(rows, better);
  CHECK(difference.mean == doctest::Approx(0.25));
  CHECK(difference.p_value < 1e-6);
  CHECK(crossed_difference(better, rows).mean == doctest::Approx(-0.25));
}

TEST_CASE("crossed mean: the interval covers the truth about as often as it says") {
  struct Case {
    size_t seeds;
    double seed_deviation, item_deviation;
  };
  for (const Case& model :
       {Case{3, 0.0, 0.5}, Case{3, 0.1, 0.3}, Case{3, 0.5, 0.3}, Case{5, 0.2, 0.5}}) {
    CAPTURE(model.seeds);
    CAPTURE(model.seed_deviation);
    Random random(11);
    int covered = 0;
    for (int trial = 0; trial < 400; ++trial) {
      const CrossedMean result = crossed_mean(
          simulated(model.seeds, 40, 1.0, model.seed_deviation, model.item_deviation, random), {},
          {.resamples = 1});
      if (result.low <= 1.0 && result.high >= 1.0) ++covered;
    }
    CHECK(covered >= 364);  // 91%
    CHECK(covered <= 396);  // 99%
  }
}

TEST_CASE("crossed mean: the pigeonhole bootstrap is repeatable, and too narrow for three seeds") {
  Random random(4);
  int covered = 0;
  for (int trial = 0; trial < 200; ++trial) {
    const SeedRows rows = simulated(3, 40, 1.0, 0.8, 0.2, random);
    const CrossedMean result = crossed_mean(rows, {}, {.resamples = 100});
    if (trial == 0) {
      CHECK(crossed_mean(rows, {}, {.resamples = 100}).bootstrap.low == result.bootstrap.low);
    }
    CHECK(result.bootstrap.mean == doctest::Approx(result.mean));
    if (result.bootstrap.low <= 1.0 && result.bootstrap.high >= 1.0) ++covered;
  }
  CHECK(covered > 100);
  CHECK(covered < 180);  // 90% at most, where 95% was asked
}

TEST_CASE("crossed mean: an effect as large as the detectable one is found in four of five") {
  Random random(21);
  double detectable = 0.0;
  for (int trial = 0; trial < 50; ++trial) {
    detectable += crossed_mean(simulated(3, 40, 0.0, 0.02, 0.3, random), {}, {.resamples = 1})
                      .minimum_detectable /
                  50.0;
  }
  int found = 0;
  for (int trial = 0; trial < 300; ++trial) {
    const CrossedMean result =
        crossed_mean(simulated(3, 40, detectable, 0.02, 0.3, random), {}, {.resamples = 1});
    if (verdict_of(result.mean, result.p_value, false) == PairedVerdict::kBetter) ++found;
  }
  CHECK(found > 210);
  CHECK(found < 285);
}

TEST_CASE("crossed mean: refuses what it cannot answer") {
  const SeedRows two{{1.0, 2.0}, {3.0, 4.0}};
  CHECK_THROWS_WITH_AS(crossed_mean(SeedRows{{1.0, 2.0}}), doctest::Contains("1 seeds"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(crossed_mean(two, std::vector<int64_t>{5, 5}),
                       doctest::Contains("1 group of items"), std::invalid_argument);
  CHECK_THROWS_AS(crossed_mean(SeedRows{{1.0, 2.0}, {3.0}}), std::invalid_argument);
  CHECK_THROWS_AS(crossed_mean(SeedRows{{1.0, std::nan("")}, {3.0, 4.0}}), std::invalid_argument);
  CHECK_THROWS_AS(crossed_mean(two, std::vector<int64_t>{1}), std::invalid_argument);
  CHECK_THROWS_AS(crossed_mean(two, {}, {.resamples = 0}), std::invalid_argument);
  CHECK_THROWS_AS(crossed_mean(two, {}, {.confidence = 1.0}), std::invalid_argument);
  CHECK_THROWS_AS(crossed_difference(two, SeedRows{{1.0, 2.0}}), std::invalid_argument);
  CHECK_THROWS_AS(crossed_difference(two, SeedRows{{1.0}, {2.0}}), std::invalid_argument);
}

TEST_CASE("mean by Student's t: by hand, and of a single value") {
  // Mean 2, deviation 1, t 4.3027 at two degrees of freedom.
  const MeanInterval mean = student_mean(std::vector<double>{1.0, 2.0, 3.0});
  CHECK(mean.mean == doctest::Approx(2.0));
  CHECK(mean.high == doctest::Approx(2.0 + 4.302653 / std::sqrt(3.0)));
  CHECK(mean.low == doctest::Approx(2.0 - 4.302653 / std::sqrt(3.0)));
  const MeanInterval single = student_mean(std::vector<double>{5.0});
  CHECK(single.low == 5.0);
  CHECK(single.high == 5.0);
  CHECK_THROWS_AS(student_mean({}), std::invalid_argument);
}

TEST_CASE("verdict: by the adjusted p, in the direction of the metric") {
  CHECK(verdict_of(0.1, 0.04, false) == PairedVerdict::kBetter);
  CHECK(verdict_of(-0.1, 0.04, false) == PairedVerdict::kWorse);
  CHECK(verdict_of(-0.1, 0.04, true) == PairedVerdict::kBetter);
  CHECK(verdict_of(0.1, 0.05, false) == PairedVerdict::kNotDistinguishable);
}

}  // namespace nvlm::eval
