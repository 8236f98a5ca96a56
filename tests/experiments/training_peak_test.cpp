#include <doctest/doctest.h>

#include <cmath>
#include <fstream>

#include "common/json.h"
#include "experiments/training/compute_peak.h"
#include "experiments/training/gradient_norms.h"
#include "tests/experiments/training_support.h"

namespace nvlm::experiments {

TEST_CASE("training peaks: published ones by the driver's name, measured ones once") {
  CHECK(published_peak("NVIDIA H100 80GB HBM3", at::kBFloat16) == 989e12);
  CHECK(published_peak("NVIDIA H100 PCIe", at::kBFloat16) == 756e12);
  CHECK(published_peak("NVIDIA L40S", at::kFloat) == 91.6e12);
  CHECK(published_peak("NVIDIA L4", at::kBFloat16) == 121e12);
  CHECK(!published_peak("GeForce 256", at::kFloat));
  at::manual_seed(5);
  const Tensor expected = at::rand({4});
  at::manual_seed(5);
  compute_peak(at::kCPU, at::kBFloat16);  // in no other test: measured here, not remembered
  CHECK(at::equal(at::rand({4}), expected));
  const auto peak = compute_peak(at::kCPU, at::kFloat);
  REQUIRE(peak);
  CHECK(*peak > 1e8);
  CHECK(compute_peak(at::kCPU, at::kFloat) == peak);
}

TEST_CASE("training: a task that counts its operations gets its share of the peak") {
  const ScratchDir scratch;
  constexpr double kFlops = 3e6;  // of one batch
  TinyTask task;
  task.on_loss = [](const BatchRequest&, TaskLoss& loss) {
    loss.metrics["train_flops"] = at::scalar_tensor(kFlops, at::kDouble);
  };
  TrainConfig config = tiny_config();
  config.accumulation = 2;
  train(task, config, scratch / "run");
  std::ifstream file(scratch / "run" / "metrics.jsonl");
  int64_t lines = 0;
  for (std::string text; std::getline(file, text); ++lines) {
    const Json line = Json::parse(text);
    const double batches_per_second =
        line.at("samples_per_second").get<double>() / static_cast<double>(config.batch_size);
    CHECK(line.at("peak_flops").get<double>() == *compute_peak(at::kCPU, at::kFloat));
    CHECK(line.at("mfu").get<double>() ==
          doctest::Approx(kFlops * batches_per_second / line.at("peak_flops").get<double>()));
  }
  CHECK(lines > 1);
}

TEST_CASE("training gradient norms: by module and in all, divided; absent gradients left out") {
  Tensor a = at::zeros({2}).requires_grad_(), b = at::zeros({1}).requires_grad_(),
         c = at::zeros({1}).requires_grad_(), unused = at::zeros({1}).requires_grad_();
  a.mutable_grad() = at::tensor({3.0f, 4.0f});
  b.mutable_grad() = at::tensor({12.0f});
  c.mutable_grad() = at::tensor({-2.0f});
  const std::vector<ParameterGroup> groups = {
      {true, 1.0, {"vision.a", "gate"}, {a, c}},
      {false, 1.0, {"vision.b", "head.unused"}, {b, unused}}};
  const GradientNorms norms = gradient_norms(groups, at::scalar_tensor(2.0));
  CHECK(norms.total.item<double>() == doctest::Approx(std::sqrt(9 + 16 + 144 + 4) / 2));
  REQUIRE(norms.modules.size() == 2);
  CHECK(norms.modules.at("vision").item<double>() == doctest::Approx(6.5));
  CHECK(norms.modules.at("gate").item<double>() == doctest::Approx(1));
}

}  // namespace nvlm::experiments
