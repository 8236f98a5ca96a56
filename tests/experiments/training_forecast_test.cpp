#include <doctest/doctest.h>

#include "experiments/training/forecast.h"
#include "tests/experiments/training_support.h"

namespace nvlm::experiments {
namespace {

/// Every tenth batch costs a hundred times as much as the others.
class UnevenTask : public TinyTask {
 public:
  static constexpr double kSmall = 1e6, kLarge = 1e8;  // FLOPs, and bytes

  int64_t kind(const BatchRequest& request) const override { return is_large(request) ? 1 : 0; }
  std::optional<PassCost> cost(const std::any& pass) const override {
    const bool large = is_large(std::any_cast<const TinyBatch&>(pass).request);
    PassCost cost;
    cost.flops = cost.bytes = large ? kLarge : kSmall;
    cost.samples.push_back({1, 0});
    return cost;
  }

 private:
  static bool is_large(const BatchRequest& request) {
    return request.first_sample / request.num_samples % 10 == 9;
  }
};

}  // namespace

TEST_CASE("a forecast knows kinds of batches that none of the first ones is of") {
  UnevenTask task;
  TrainConfig config = tiny_config();
  config.steps = 50;
  config.accumulation = 2;
  const std::optional<RunForecast> few = forecast(task, config, /*most=*/3);
  REQUIRE(few);
  CHECK(task.prepared == 6);
  CHECK(few->samples.size() == 6);
  CHECK(few->step_flops ==
        doctest::Approx(2 * (0.9 * UnevenTask::kSmall + 0.1 * UnevenTask::kLarge)));
  CHECK(few->peak_bytes > UnevenTask::kLarge);
  // A run that ends before the first large one has none.
  config.steps = 4;
  const std::optional<RunForecast> all_small = forecast(task, config, /*most=*/100);
  REQUIRE(all_small);
  CHECK(all_small->samples.size() == 8);
  CHECK(all_small->step_flops == doctest::Approx(2 * UnevenTask::kSmall));
}

}  // namespace nvlm::experiments
