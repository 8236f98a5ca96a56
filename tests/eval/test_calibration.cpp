#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "common/random.h"
#include "eval/statistics/calibration.h"

namespace nvlm::eval {

TEST_CASE("roc_auc: by hand, with ties") {
  CHECK(roc_auc(std::vector<Judged>{{0.9, true}, {0.1, false}}) == 1.0);
  CHECK(roc_auc(std::vector<Judged>{{0.1, true}, {0.9, false}}) == 0.0);
  CHECK(roc_auc(std::vector<Judged>{{0.5, true}, {0.5, false}}) == 0.5);
  // Pairs right > wrong: (.8,.7) (.8,.3) (.7,.3) yes, (.7,.7) half, of four.
  const std::vector<Judged> answers{{0.8, true}, {0.7, false}, {0.7, true}, {0.3, false}};
  CHECK(roc_auc(answers) == doctest::Approx(3.5 / 4.0));
}

TEST_CASE("roc_auc: equals the share of ordered pairs, whatever the order of the answers") {
  Random random(3);
  for (int round = 0; round < 20; ++round) {
    std::vector<Judged> answers{{0.5, true}, {0.5, false}};
    for (int64_t i = random.integer(0, 40); i > 0; --i) {
      answers.push_back({static_cast<double>(random.integer(0, 9)) / 9.0, random.chance(0.4)});
    }
    double ordered = 0.0, pairs = 0.0;
    for (const Judged& right : answers) {
      for (const Judged& wrong : answers) {
        if (!right.correct || wrong.correct) continue;
        pairs += 1.0;
        ordered += right.confidence > wrong.confidence    ? 1.0
                   : right.confidence == wrong.confidence ? 0.5
                                                          : 0.0;
      }
    }
    CHECK(roc_auc(answers) == doctest::Approx(ordered / pairs));
  }
}

TEST_CASE("coverage_risk: by hand") {
  const std::vector<Judged> answers{{0.2, false}, {0.9, true}, {0.9, true}, {0.6, false}};
  const std::vector<CoveragePoint> curve = coverage_risk(answers);
  REQUIRE(curve.size() == 3);
  CHECK(curve[0].threshold == 0.9);
  CHECK(curve[0].coverage == 0.5);
  CHECK(curve[0].risk == 0.0);
  CHECK(curve[1].coverage == 0.75);
  CHECK(curve[1].risk == doctest::Approx(1.0 / 3.0));
  CHECK(curve[2].coverage == 1.0);
  CHECK(curve[2].risk == 0.5);
  CHECK(coverage_risk(answers, 1).size() == 1);
  CHECK(coverage_risk(answers, 1)[0].coverage == 1.0);
}

TEST_CASE("expected_calibration_error: by hand") {
  // Two bins: [0, .5) has .2 and .4, one of two right; [.5, 1] has .9, right.
  const std::vector<Judged> answers{{0.2, true}, {0.4, false}, {0.9, true}};
  CHECK(expected_calibration_error(answers, 2) == doctest::Approx((0.4 + 0.1) / 3.0));
  CHECK(expected_calibration_error(std::vector<Judged>{{1.0, true}, {0.0, false}}) == 0.0);
}

TEST_CASE("calibration: impossible input is refused") {
  const std::vector<Judged> none;
  const std::vector<Judged> right{{0.3, true}};
  const std::vector<Judged> nan{{std::numeric_limits<double>::quiet_NaN(), true}, {0.1, false}};
  CHECK_THROWS_WITH_AS(roc_auc(none), "calibration: no answers", std::invalid_argument);
  CHECK_THROWS_WITH_AS(roc_auc(right), doctest::Contains("all 1 answers are correct"),
                       std::invalid_argument);
  CHECK_THROWS_AS(roc_auc(nan), std::invalid_argument);
  CHECK_THROWS_AS(coverage_risk(none), std::invalid_argument);
  CHECK_THROWS_AS(coverage_risk(right, 0), std::invalid_argument);
  CHECK_THROWS_AS(expected_calibration_error(std::vector<Judged>{{1.5, true}}),
                  std::invalid_argument);
}

}  // namespace nvlm::eval
