// The planner: steps and widths that make the cost of arms agree, and the refusal where it does
// not.
#include "experiments/ablations/matching.h"

#include <doctest/doctest.h>

#include "common/error.h"
#include "common/random.h"

namespace nvlm::experiments {
namespace {

TEST_CASE("matching: steps are rounded to the nearest, and there is at least one") {
  CHECK(steps_within(100.0, 10.0) == 10);
  CHECK(steps_within(104.0, 10.0) == 10);
  CHECK(steps_within(106.0, 10.0) == 11);
  CHECK(steps_within(1.0, 10.0) == 1);
}

TEST_CASE("matching: the width whose parameters are nearest") {
  const auto parameters_at = [](int64_t width) { return 1000 + 641 * width; };
  CHECK(width_with_parameters(1000 + 641 * 352, 1, 1 << 15, parameters_at) == 352);
  CHECK(width_with_parameters(1000 + 641 * 352 + 300, 1, 1 << 15, parameters_at) == 352);
  CHECK(width_with_parameters(1000 + 641 * 352 + 400, 1, 1 << 15, parameters_at) == 353);
  CHECK(width_with_parameters(0, 1, 1 << 15, parameters_at) == 1);    // already too many
  CHECK(width_with_parameters(1 << 30, 1, 64, parameters_at) == 64);  // cannot be reached
}

TEST_CASE("matching: no other width comes nearer, for random models") {
  Random random(5);
  for (int trial = 0; trial < 200; ++trial) {
    const int64_t fixed = random.integer(0, 100000), unit = random.integer(1, 5000);
    const int64_t target = random.integer(1, 3000000);
    const auto parameters_at = [&](int64_t width) { return fixed + unit * width; };
    const int64_t width = width_with_parameters(target, 1, 1000, parameters_at);
    CAPTURE(trial);
    const int64_t miss = std::abs(parameters_at(width) - target);
    if (width > 1) CHECK(miss <= std::abs(parameters_at(width - 1) - target));
    if (width < 1000) CHECK(miss <= std::abs(parameters_at(width + 1) - target));
  }
}

TEST_CASE("matching: within 2% is matched, beyond is refused with the figures") {
  const std::vector<ArmCost> near = {{"d", 4800, 1000000, 3.00e12}, {"x", 4800, 1015000, 3.05e12}};
  for (const Matching matching :
       {Matching::kNone, Matching::kSamples, Matching::kParameters, Matching::kFlops}) {
    CHECK_NOTHROW(require_matched(matching, near));
  }
  const std::vector<ArmCost> far = {
      {"d", 4800, 1000000, 3.0e12}, {"h", 4810, 1100000, 3.1e12}, {"x", 4800, 1400000, 4.0e12}};
  CHECK_NOTHROW(require_matched(Matching::kNone, far));
  CHECK_NOTHROW(require_matched(Matching::kSamples, far));
  CHECK_THROWS_WITH_AS(
      require_matched(Matching::kParameters, far),
      "arms are not comparable under the matching 'parameters': 'd' has 1e+06 trainable parameters "
      "and 'x' 1.4e+06, a difference of 28.6%, expected at most 2%; --allow-unmatched runs them "
      "all "
      "the same",
      UsageError);
  CHECK_THROWS_WITH_AS(require_matched(Matching::kFlops, far),
                       doctest::Contains("'d' has 3e+12 training FLOPs and 'x' 4e+12"), UsageError);
  // Equal parameters at other samples are no fair comparison either.
  CHECK_THROWS_WITH_AS(
      require_matched(Matching::kParameters, {{"d", 4800, 100, 1}, {"x", 2400, 100, 1}}),
      doctest::Contains("samples"), UsageError);
}

}  // namespace
}  // namespace nvlm::experiments
