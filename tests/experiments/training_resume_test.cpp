#include <doctest/doctest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "common/atomic_file.h"
#include "common/error.h"
#include "common/json.h"
#include "tests/experiments/training_support.h"

extern char** environ;

namespace nvlm::experiments {
namespace {

/// Both optimisers at work: what either keeps must survive.
TrainConfig resumable_config() {
  TrainConfig config = tiny_config();
  config.muon = 0.5;
  return config;
}

namespace fs = std::filesystem;

/// Weights after all steps without interruption.
std::map<std::string, Tensor> uninterrupted(const ScratchDir& scratch) {
  TinyTask task;
  train(task, resumable_config(), scratch / "uninterrupted");
  return weights_of(task);
}

/// Resumes `run` with a fresh task, as a new process would.
std::map<std::string, Tensor> resumed(const fs::path& run) {
  TinyTask task;
  for (Tensor& parameter : task.model_.parameters()) parameter.data().add_(1);  // to be restored
  const TrainResult result = train(task, resumable_config(), run, /*resume=*/true);
  CHECK(result.status == TrainStatus::kFinished);
  CHECK(result.step == 20);
  return weights_of(task);
}

/// Steps of the metrics lines; each must be larger than the one before.
std::vector<int64_t> logged_steps(const fs::path& run) {
  std::ifstream file(run / "metrics.jsonl");
  std::vector<int64_t> steps;
  for (std::string line; std::getline(file, line);) {
    steps.push_back(Json::parse(line).at("step").get<int64_t>());
    if (steps.size() > 1) CHECK(steps.back() > steps[steps.size() - 2]);
  }
  return steps;
}

/// Runs the test case "training child process" in a process of its own; returns its wait status.
int run_child(const fs::path& run, const std::string& death) {
  setenv("NVLM_TRAINING_CHILD_RUN", run.c_str(), 1);
  setenv("NVLM_TRAINING_CHILD_DEATH", death.c_str(), 1);
  std::vector<std::string> words = {"test_experiments", "--test-case=training child process",
                                    "--no-skip", "--minimal"};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  REQUIRE(posix_spawn(&child, "/proc/self/exe", nullptr, nullptr, arguments.data(), environ) == 0);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return status;
}

}  // namespace

TEST_CASE("training child process" * doctest::skip()) {
  const char* run = std::getenv("NVLM_TRAINING_CHILD_RUN");
  const char* death = std::getenv("NVLM_TRAINING_CHILD_DEATH");
  if (run == nullptr || death == nullptr) return;  // only the tests below start it with sense
  TinyTask task;
  int saves = 0;
  task.on_loss = [&](const BatchRequest& r, TaskLoss&) {
    if (std::string(death) == "step" && r.step == 12) kill(getpid(), SIGKILL);
    if (std::string(death) == "first" && r.step == 2) kill(getpid(), SIGKILL);
  };
  task.on_save = [&] {
    if (std::string(death) == "save" && ++saves == 2) kill(getpid(), SIGKILL);
  };
  train(task, resumable_config(), run);
}

TEST_CASE("training: a killed run resumes to the same bits") {
  const ScratchDir scratch;
  const auto expected = uninterrupted(scratch);
  const std::vector<int64_t> steps = logged_steps(scratch / "uninterrupted");
  for (const std::string death : {"step", "save", "first"}) {
    CAPTURE(death);
    const fs::path run = scratch / death;
    const int status = run_child(run, death);
    REQUIRE(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGKILL);
    const fs::path latest = run / "checkpoints" / "latest";
    if (death == "step") CHECK(fs::read_symlink(latest) == "step_10");
    if (death == "save") CHECK(fs::read_symlink(latest) == "step_5");
    if (death == "first") {
      // The task comes with the weights the run began with, for there is no checkpoint yet.
      CHECK(!fs::exists(latest));
      TinyTask task;
      train(task, resumable_config(), run, /*resume=*/true);
      CHECK(first_difference(weights_of(task), expected) == "");
    } else {
      std::ofstream(run / "metrics.jsonl", std::ios::app) << "{\"step\": 12, \"lo";  // cut off
      CHECK(first_difference(resumed(run), expected) == "");
    }
    CHECK(logged_steps(run) == steps);
    for (const auto& entry : fs::directory_iterator(run / "checkpoints")) {
      CHECK(entry.path().filename().string().rfind(".writing_", 0) != 0);
    }
  }
}

TEST_CASE("training: SIGTERM finishes the step and leaves a checkpoint to resume from") {
  const ScratchDir scratch;
  const auto expected = uninterrupted(scratch);
  for (const int signal : {SIGTERM, SIGINT}) {
    CAPTURE(signal);
    const fs::path run = scratch / ("signal_" + std::to_string(signal));
    TinyTask task;
    task.on_loss = [&](const BatchRequest& r, TaskLoss&) {
      if (r.step == 6) raise(signal);
    };
    const TrainResult result = train(task, resumable_config(), run);
    CHECK(result.status == TrainStatus::kInterrupted);
    CHECK(result.step == 7);
    CHECK(result.checkpoint == run / "checkpoints" / "step_7");
    CHECK(first_difference(resumed(run), expected) == "");
  }
}

TEST_CASE("training: a run stopped by an exception resumes to the same bits") {
  const ScratchDir scratch;
  const auto expected = uninterrupted(scratch);
  TinyTask task;
  task.on_prepare = [](const BatchRequest& r) {
    if (r.step == 13) throw std::runtime_error("disk gone");
  };
  CHECK_THROWS_AS(train(task, resumable_config(), scratch / "run"), std::runtime_error);
  CHECK(first_difference(resumed(scratch / "run"), expected) == "");
}

TEST_CASE("training: resume of a finished run changes nothing and says so") {
  const ScratchDir scratch;
  const auto expected = uninterrupted(scratch);
  const fs::path run = scratch / "uninterrupted";
  const std::string metrics = read_text_file(run / "metrics.jsonl");
  TinyTask task;
  const TrainResult result = train(task, resumable_config(), run, /*resume=*/true);
  CHECK(result.status == TrainStatus::kAlreadyFinished);
  CHECK(task.prepared == 0);
  CHECK(first_difference(weights_of(task), expected) == "");
  CHECK(read_text_file(run / "metrics.jsonl") == metrics);
}

TEST_CASE("training: resume refuses other options, other frozen weights and damaged files") {
  const ScratchDir scratch;
  const fs::path run = scratch / "run";
  const auto set_up = [](TinyTask& task) { task.plan.trainable = {"hidden", "head"}; };
  {
    TinyTask task;
    set_up(task);
    task.on_loss = [](const BatchRequest& r, TaskLoss&) {
      if (r.step == 6) raise(SIGTERM);
    };
    train(task, resumable_config(), run);
  }
  const auto message = [&](const TrainConfig& config, const auto& change) {
    TinyTask task;
    set_up(task);
    change(task);
    return thrown_by([&] { train(task, config, run, /*resume=*/true); });
  };
  TrainConfig config = resumable_config();
  config.lr = 0.02;
  CHECK(message(config, [](TinyTask&) {}) ==
        "train.lr is 0.02, but the run began with 0.01; resume with the run's own config.ini");
  config.muon = 0.25;
  CHECK(message(config, [](TinyTask&) {}) ==
        "train.lr is 0.02, but the run began with 0.01, train.muon is 0.25, but the run began with "
        "0.5; resume with the run's own config.ini");
  CHECK(message(resumable_config(), [](TinyTask& task) {
          task.model_.encoder->weight.data().select(0, 3).add_(0.5);
        }).find("the run began with other frozen weights") != std::string::npos);
  CHECK(message(resumable_config(), [](TinyTask& task) {
          task.plan.trainable = {"head", "hidden", "gate"};
        }) != "");

  const fs::path state = run / "checkpoints" / "step_7" / "training_state.safetensors";
  const auto size = fs::file_size(state);
  fs::resize_file(state, size - 4);
  const std::string damaged = message(resumable_config(), [](TinyTask&) {});
  CAPTURE(damaged);
  CHECK(damaged.find(state.string()) == 0);
}

}  // namespace nvlm::experiments
