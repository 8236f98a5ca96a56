#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "common/random.h"
#include "eval/statistics/bootstrap.h"

namespace nvlm::eval {

TEST_CASE("bootstrap: mean and interval") {
  Random random(1);
  std::vector<double> values(400);
  for (double& value : values) value = random.normal();
  const MeanInterval a = bootstrap_mean(values);
  CHECK(a.n == 400);
  CHECK(a.low < a.mean);
  CHECK(a.mean < a.high);
  CHECK(a.high - a.low == doctest::Approx(2 * 1.96 / std::sqrt(400.0)).epsilon(0.15));
  const MeanInterval same = bootstrap_mean(values);
  CHECK(same.low == a.low);
  CHECK(same.high == a.high);
  CHECK(bootstrap_mean(values, {.seed = 1}).low != a.low);
  const MeanInterval narrow = bootstrap_mean(values, {.confidence = 0.5});
  CHECK(narrow.high - narrow.low < a.high - a.low);
}

TEST_CASE("bootstrap: constant and single values have no width") {
  const std::vector<double> values(7, 0.25);
  const MeanInterval interval = bootstrap_mean(values);
  CHECK(interval.low == 0.25);
  CHECK(interval.high == 0.25);
  CHECK(bootstrap_mean(std::vector<double>{3.0}).high == 3.0);
}

TEST_CASE("bootstrap: values of one group are drawn together") {
  std::vector<double> values;
  std::vector<int64_t> groups;
  Random random(9);
  for (int64_t group = 0; group < 20; ++group) {
    const double level = random.normal();
    for (int copy = 0; copy < 10; ++copy) {
      values.push_back(level);
      groups.push_back(group);
    }
  }
  const MeanInterval single = bootstrap_mean(values);
  const MeanInterval grouped = bootstrap_mean(values, {}, groups);
  CHECK(grouped.mean == single.mean);
  CHECK(grouped.high - grouped.low > 2.0 * (single.high - single.low));
}

TEST_CASE("bootstrap: refuses what has no mean") {
  const std::vector<double> values{1.0, 2.0};
  const std::vector<int64_t> groups{1};
  CHECK_THROWS_AS(bootstrap_mean({}), std::invalid_argument);
  CHECK_THROWS_AS(bootstrap_mean(values, {}, groups), std::invalid_argument);
  CHECK_THROWS_AS(bootstrap_mean(values, {.resamples = 0}), std::invalid_argument);
  CHECK_THROWS_AS(bootstrap_mean(values, {.confidence = 1.0}), std::invalid_argument);
  const std::vector<double> bad{std::numeric_limits<double>::quiet_NaN()};
  CHECK_THROWS_AS(bootstrap_mean(bad), std::invalid_argument);
}

}  // namespace nvlm::eval
