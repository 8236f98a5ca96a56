#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>
#include <vector>

#include "common/random.h"
#include "eval/statistics/paired.h"

namespace nvlm::eval {

using Values = std::vector<double>;
using Groups = std::vector<int64_t>;

TEST_CASE("sign-flip test: exact for few differences") {
  // All eight patterns of 1, 1, 1: sums 3 and -3 are as extreme as 3.
  const PermutationTest test = sign_flip_test(Values{1.0, 1.0, 1.0});
  CHECK(test.exact);
  CHECK(test.p_value == doctest::Approx(2.0 / 8.0));
  // 1, 2, 3: only +++ and --- reach 6.
  CHECK(sign_flip_test(Values{1.0, 2.0, 3.0}).p_value == doctest::Approx(0.25));
  // 1, 1, -1: every pattern has a sum of at least 1.
  CHECK(sign_flip_test(Values{1.0, 1.0, -1.0}).p_value == 1.0);
  CHECK(sign_flip_test(Values{0.0, 0.0}).p_value == 1.0);
  // Thirds do not add up exactly; equal sums must still count as equal.
  CHECK(sign_flip_test(Values{0.1, 0.2, 0.3}).p_value == doctest::Approx(0.25));
}

TEST_CASE("sign-flip test: values of one group flip together") {
  const Values values(6, 1.0);
  CHECK(sign_flip_test(values).p_value == doctest::Approx(2.0 / 64.0));
  CHECK(sign_flip_test(values, {}, Groups{0, 0, 0, 7, 7, 7}).p_value == doctest::Approx(0.5));
}

TEST_CASE("sign-flip test: random patterns are symmetric, repeatable, and fair under the null") {
  Random random(4);
  int rejected = 0;
  for (int trial = 0; trial < 400; ++trial) {
    Values values(30);
    for (double& value : values) value = random.normal();
    Values opposite = values;
    for (double& value : opposite) value = -value;
    const PermutationOptions options{.permutations = 400};
    const PermutationTest test = sign_flip_test(values, options);
    CHECK(!test.exact);
    CHECK(test.p_value == sign_flip_test(opposite, options).p_value);
    CHECK(test.p_value > 0.0);
    if (test.p_value < 0.05) ++rejected;
  }
  CHECK(rejected >= 8);  // 5% of 400 is 20; these are 3 deviations away
  CHECK(rejected <= 34);
}

TEST_CASE("standard error: plain, and of groups") {
  const Values values{1.0, 2.0, 3.0, 4.0};
  CHECK(clustered_standard_error(values) == doctest::Approx(std::sqrt(5.0 / 3.0 / 4.0)));
  // Two copies of two values: sqrt(2 / 1 * (2 * 0.25 * 4)) / 4
  CHECK(clustered_standard_error(Values{1.0, 1.0, 2.0, 2.0}, Groups{0, 0, 1, 1}) ==
        doctest::Approx(0.5));
  CHECK(clustered_standard_error(Values{1.0, 1.0}, Groups{3, 3}) == 0.0);
  CHECK(minimum_detectable_effect(1.0) == doctest::Approx(2.8016).epsilon(1e-4));
}

TEST_CASE("minimum detectable effect: found in four of five experiments") {
  Random random(12);
  const int64_t n = 50;
  const double effect = minimum_detectable_effect(1.0 / std::sqrt(static_cast<double>(n)));
  int found = 0;
  for (int trial = 0; trial < 300; ++trial) {
    Values first(static_cast<size_t>(n), 0.0);
    Values second;
    for (int64_t i = 0; i < n; ++i) second.push_back(random.normal() + effect);
    const PairedOptions options{{.resamples = 200}, {.permutations = 400}};
    if (compare_paired(first, second, false, {}, options).verdict == PairedVerdict::kBetter)
      ++found;
  }
  CHECK(found > 300 * 0.7);
  CHECK(found < 300 * 0.9);
}

TEST_CASE("paired comparison: direction, symmetry, verdicts") {
  Random random(6);
  Values first(80);
  Values second(80);
  for (size_t i = 0; i < first.size(); ++i) {
    first[i] = random.uniform();
    second[i] = first[i] + 0.1 + 0.02 * random.normal();
  }
  const PairedComparison up = compare_paired(first, second, false);
  CHECK(up.verdict == PairedVerdict::kBetter);
  CHECK(up.difference.mean == doctest::Approx(0.1).epsilon(0.1));
  CHECK(up.effect_size == doctest::Approx(5.0).epsilon(0.3));
  CHECK(up.minimum_detectable == doctest::Approx(2.8 * 0.02 / std::sqrt(80.0)).epsilon(0.3));
  CHECK(compare_paired(first, second, true).verdict == PairedVerdict::kWorse);
  const PairedComparison down = compare_paired(second, first, false);
  CHECK(down.verdict == PairedVerdict::kWorse);
  CHECK(down.difference.mean == doctest::Approx(-up.difference.mean));
  CHECK(down.effect_size == doctest::Approx(-up.effect_size));

  const PairedComparison same = compare_paired(first, first, false);
  CHECK(same.verdict == PairedVerdict::kNotDistinguishable);
  CHECK(same.test.p_value == 1.0);
  CHECK(same.effect_size == 0.0);
  // One document is no evidence, however many tables it has.
  const Groups one_document(80, 0);
  CHECK(compare_paired(first, second, false, one_document).verdict ==
        PairedVerdict::kNotDistinguishable);
  CHECK(verdict_name(PairedVerdict::kNotDistinguishable) == "not distinguishable");
}

TEST_CASE("paired comparison: refuses what does not pair") {
  const Values two{1.0, 2.0};
  CHECK_THROWS_AS(compare_paired(two, Values{1.0}, false), std::invalid_argument);
  CHECK_THROWS_AS(compare_paired({}, {}, false), std::invalid_argument);
  CHECK_THROWS_AS(compare_paired(two, Values{1.0, std::nan("")}, false), std::invalid_argument);
  CHECK_THROWS_AS(sign_flip_test(two, {.permutations = 0}), std::invalid_argument);
  CHECK_THROWS_AS(sign_flip_test(two, {}, Groups{1}), std::invalid_argument);
}

}  // namespace nvlm::eval
