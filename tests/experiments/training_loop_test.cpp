#include <ATen/autocast_mode.h>
#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "common/atomic_file.h"
#include "common/error.h"
#include "common/json.h"
#include "common/tolerance.h"
#include "tests/experiments/training_support.h"

namespace nvlm::experiments {
namespace {

std::map<std::string, Tensor> trained(const ScratchDir& scratch, const TrainConfig& config,
                                      double extra_weight = 0) {
  static int runs = 0;
  TinyTask task;
  task.dropout = 0;
  task.extra_weight = extra_weight;
  train(task, config, scratch / ("trained_" + std::to_string(runs++)));
  auto weights = weights_of(task);
  weights.erase("calls");
  return weights;
}

}  // namespace

TEST_CASE("training brings the loss down, in float32 and under bfloat16 autocast") {
  for (const std::string dtype : {"float32", "bfloat16"}) {
    CAPTURE(dtype);
    const ScratchDir scratch;
    TinyTask task;
    TrainConfig config = tiny_config();
    config.steps = 150;
    config.batch_size = 16;
    config.log_every = 25;
    config.dtype = dtype;
    config.validate_every = 100;
    const TrainResult result = train(task, config, scratch / "run");
    CHECK(result.status == TrainStatus::kFinished);
    CHECK(result.step == 150);
    CHECK(result.validation == std::map<std::string, double>{{"in_training_mode", 0.0}});

    const std::vector<Json> lines = metrics_lines(scratch / "run");
    REQUIRE(!lines.empty());
    CHECK(lines.front().at("step") == 1);
    CHECK(lines.back().at("step") == 150);
    CHECK(lines.back().at("samples") == 150 * 16);
    CHECK(lines.back().at("loss").get<double>() < 0.5 * lines.front().at("loss").get<double>());
    CHECK(lines.back().at("loss").get<double>() == result.loss);
    CHECK(lines.back().at("lr").get<double>() == doctest::Approx(config.min_lr));
    CHECK(lines.back().at("accuracy").get<double>() > 0.7);
    for (const Json& line : lines) {
      for (const char* name : {"grad_norm", "tokens", "tokens_per_second", "samples_per_second",
                               "data_wait_share", "seconds", "peak_memory_mb"}) {
        CAPTURE(name);
        CHECK(line.at(name).get<double>() >= 0);
      }
      const int64_t step = line.at("step");
      CHECK(line.contains("validation") == (step == 100 || step == 150));
    }
    CHECK(std::filesystem::exists(scratch / "run" / "manifest.json"));
    CHECK(at::autocast::is_autocast_enabled(at::kCPU) == false);
  }
}

TEST_CASE("training: 4 batches of 1 give the step of 1 batch of 4, though their tokens differ") {
  const ScratchDir scratch;
  TrainConfig whole = tiny_config(), parts = tiny_config();
  parts.batch_size = 1;
  parts.accumulation = 4;
  for (const double extra_weight : {0.0, 0.05}) {
    CAPTURE(extra_weight);
    const auto expected = trained(scratch, whole, extra_weight);
    for (const auto& [name, weight] : trained(scratch, parts, extra_weight)) {
      const TensorDifference difference =
          compare_tensors(weight, expected.at(name), Tolerance{2e-6, 1e-5});
      INFO(name << ": " << difference.describe());
      CHECK(difference.close);
    }
  }
  CHECK(first_difference(trained(scratch, whole), trained(scratch, whole, 0.05)) != "");
}

TEST_CASE("training: a step follows the gradient of the mean over all its supervised tokens") {
  const ScratchDir scratch;
  TrainConfig config = tiny_config();
  config.accumulation = 3;
  TinyTask task, plain;
  task.dropout = plain.dropout = 0;
  Tensor sum = at::zeros({}), tokens = at::zeros({});
  for (int64_t micro = 0; micro < 3; ++micro) {
    const TaskLoss loss = plain.loss(plain.prepare({1, 0, micro, micro * 4, 4}).front());
    sum = sum + loss.sum;
    tokens = tokens + loss.count;
  }
  (sum / tokens).backward();
  double square = 0;
  for (const Tensor& parameter : plain.model_.parameters()) {
    square += parameter.grad().square().sum().item<double>();
  }
  train(task, config, scratch / "run");
  const Json first = metrics_lines(scratch / "run").front();
  CHECK(first.at("grad_norm").get<double>() == doctest::Approx(std::sqrt(square)).epsilon(1e-5));
  CHECK(first.at("loss").get<double>() ==
        doctest::Approx((sum / tokens).item<double>()).epsilon(1e-5));
  CHECK(first.at("tokens") == tokens.item<int64_t>());
}

TEST_CASE("training: weights do not depend on the number of workers") {
  const ScratchDir scratch;
  TrainConfig config = tiny_config();
  config.workers = 0;
  const auto expected = trained(scratch, config);
  config.workers = 3;
  CHECK(first_difference(trained(scratch, config), expected) == "");
}

TEST_CASE("training: frozen parameters stay as they are") {
  const ScratchDir scratch;
  TinyTask task;
  const auto before = weights_of(task);
  task.plan.trainable = {"hidden", "head"};
  train(task, tiny_config(), scratch / "run");
  const auto after = weights_of(task);
  CHECK(at::equal(before.at("encoder.weight"), after.at("encoder.weight")));
  CHECK(!at::equal(before.at("hidden.weight"), after.at("hidden.weight")));
}

TEST_CASE("training stops with an error that names step and batch") {
  const ScratchDir scratch;
  const auto message_with = [&](const std::string& name, const auto& set_up) {
    TinyTask task;
    set_up(task);
    TrainConfig config = tiny_config();
    config.accumulation = 2;
    return thrown_by([&] { train(task, config, scratch / name); });
  };
  const auto at_step_7 = [](const BatchRequest& r) { return r.step == 6 && r.micro == 1; };
  const std::string batch = "step 7, batch 1 (samples 52..55)";

  CHECK(message_with("nan", [&](TinyTask& task) {
          task.on_loss = [&](const BatchRequest& r, TaskLoss& loss) {
            if (at_step_7(r)) loss.sum = loss.sum * std::nan("");
          };
        }) == "training: " + batch + ": loss is nan, expected a finite number");
  CHECK(message_with("infinite", [&](TinyTask& task) {
          task.on_loss = [&](const BatchRequest& r, TaskLoss& loss) {
            if (at_step_7(r)) loss.sum = loss.sum + std::numeric_limits<double>::infinity();
          };
        }) == "training: " + batch + ": loss is inf, expected a finite number");
  CHECK(message_with("gradient", [&](TinyTask& task) {
          task.on_loss = [&](const BatchRequest& r, TaskLoss& loss) {
            // A finite value whose derivative is infinite.
            if (at_step_7(r)) loss.sum = loss.sum + (loss.sum - loss.sum.detach()).sqrt();
          };
        }).rfind("training: step 7: gradient norm is ", 0) == 0);
  CHECK(message_with("no_tokens", [&](TinyTask& task) {
          task.on_loss = [&](const BatchRequest& r, TaskLoss& loss) {
            if (at_step_7(r)) loss.count = at::zeros({}, at::kLong);
          };
        }) == "training: " + batch + ": no supervised token, so there is nothing to learn");
  CHECK(message_with("no_gradient",
                     [&](TinyTask& task) {
                       task.on_loss = [&](const BatchRequest& r, TaskLoss& loss) {
                         if (at_step_7(r)) loss.sum = loss.sum.detach();
                       };
                     }) ==
        "training: " + batch +
            ": task.loss: sum has no gradient; it reaches no trainable parameter");
  CHECK(message_with("data", [&](TinyTask& task) {
          task.on_prepare = [&](const BatchRequest& r) {
            if (at_step_7(r)) throw std::runtime_error("'a.png' is torn");
          };
        }) == "training data: " + batch + ": 'a.png' is torn");

  // The last good checkpoint stands.
  CHECK(std::filesystem::read_symlink(scratch / "nan" / "checkpoints" / "latest") == "step_5");
}

TEST_CASE("training: a run directory is never overwritten, and holds the newest checkpoints") {
  const ScratchDir scratch;
  TinyTask task;
  const std::filesystem::path run = scratch / "run";
  std::filesystem::create_directories(run);
  write_file_atomically(run / "config.ini", "[train]\n");  // the caller's
  train(task, tiny_config(), run);
  CHECK(std::filesystem::read_symlink(run / "checkpoints" / "latest") == "step_20");
  std::vector<std::string> kept;
  for (const auto& entry : std::filesystem::directory_iterator(run / "checkpoints")) {
    kept.push_back(entry.path().filename());
  }
  std::sort(kept.begin(), kept.end());
  CHECK(kept == std::vector<std::string>{"latest", "step_15", "step_20"});
  for (const char* name :
       {"model.safetensors", "training_state.safetensors", "training_state.json"}) {
    CHECK(std::filesystem::exists(run / "checkpoints" / "step_20" / name));
  }

  TinyTask again;
  CHECK_THROWS_AS(train(again, tiny_config(), run), UsageError);
  CHECK_THROWS_AS(require_fresh_run_dir(run), UsageError);
  CHECK_THROWS_AS(train(again, tiny_config(), scratch / "absent", /*resume=*/true), UsageError);
  CHECK(!std::filesystem::exists(scratch / "absent"));
}

TEST_CASE("training: one process at a time, and options are refused before anything is written") {
  const ScratchDir scratch;
  TinyTask outer;
  std::string message;
  outer.on_loss = [&](const BatchRequest& r, TaskLoss&) {
    if (r.step != 6) return;
    TinyTask inner;
    message = thrown_by([&] { train(inner, tiny_config(), scratch / "run", /*resume=*/true); });
  };
  train(outer, tiny_config(), scratch / "run");
  CHECK(message.find("another process trains in") != std::string::npos);

  TrainConfig config = tiny_config();
  config.steps = 0;
  TinyTask task;
  CHECK_THROWS_AS(train(task, config, scratch / "other"), UsageError);
  CHECK(!std::filesystem::exists(scratch / "other"));
}

}  // namespace nvlm::experiments
