#include <doctest/doctest.h>

#include <cmath>

#include "common/config_schema.h"
#include "common/error.h"
#include "experiments/training/lr_schedule.h"
#include "experiments/training/train_config.h"
#include "tests/experiments/training_support.h"

namespace nvlm::experiments {

TEST_CASE("training schedule: values by hand") {
  const LrSchedule schedule{/*lr=*/1.0, /*min_lr=*/0.2, /*warmup_steps=*/4, /*steps=*/12};
  const std::vector<std::pair<int64_t, double>> expected = {
      {0, 0.25},
      {1, 0.5},
      {2, 0.75},
      {3, 1.0},
      {5, 0.2 + 0.8 * 0.8535533905932737},  // cos(pi / 4)
      {7, 0.6},                             // halfway
      {11, 0.2},
      {12, 0.2},
      {1000, 0.2}};
  for (const auto& [step, rate] : expected) {
    CAPTURE(step);
    CHECK(schedule.at(step) == doctest::Approx(rate).epsilon(1e-12));
  }
}

TEST_CASE("training schedule: without warm-up, only warm-up, a single step") {
  CHECK(LrSchedule{1.0, 0.1, 0, 3}.at(0) == 1.0);
  CHECK(LrSchedule{1.0, 0.1, 0, 3}.at(1) == doctest::Approx(0.55));
  CHECK(LrSchedule{1.0, 0.1, 0, 3}.at(2) == doctest::Approx(0.1));
  CHECK(LrSchedule{1.0, 0.1, 2, 2}.at(1) == 1.0);
  CHECK(LrSchedule{1.0, 0.1, 2, 2}.at(2) == 0.1);
  CHECK(LrSchedule{1.0, 0.1, 0, 1}.at(0) == 1.0);
}

TEST_CASE("training options: the schema reads what it writes, validate names the field") {
  TrainConfig config;
  ConfigSchema schema;
  register_options(schema, config);
  schema.parse_arguments({"--train.lr=0.0003", "--train.steps", "7", "--train.warmup_steps=2"});
  CHECK(config.lr == 0.0003);
  CHECK(config.steps == 7);
  config.validate();

  TrainConfig copy;
  ConfigSchema other;
  register_options(other, copy);
  other.parse_text(schema.text(), "config.ini");
  CHECK(copy.lr == config.lr);
  CHECK(copy.steps == config.steps);

  config.min_lr = 0.01;
  CHECK(thrown_by([&] { config.validate(); }) ==
        "train.min_lr is 0.01, expected from 0 to train.lr");
  config = {};
  config.lr = std::nan("");
  CHECK_THROWS_AS(config.validate(), UsageError);
  config = {};
  config.dtype = "float64";
  CHECK_THROWS_AS(config.validate(), UsageError);
}

}  // namespace nvlm::experiments
