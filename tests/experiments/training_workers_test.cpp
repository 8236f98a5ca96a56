#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <set>

#include "common/atomic_file.h"
#include "common/error.h"
#include "common/json.h"
#include "common/safetensors.h"
#include "common/tolerance.h"
#include "experiments/training/launch_environment.h"
#include "experiments/training/optimizer_shards.h"
#include "experiments/training/worker_group.h"
#include "tests/experiments/training_support.h"

extern char** environ;

namespace nvlm::experiments {
namespace {

namespace fs = std::filesystem;

/// What the workers of one run are told.
struct WorkersPlan {
  TrainConfig config;
  double dropout = 0;
  bool resume = false;
  int64_t restarts = 0;
  int64_t victim = -1;         // the rank to which something happens at `step`
  int64_t step = 5;            // counted from 0
  std::string event = "kill";  // kill, term, nan, other_rate
};

/// A step of four batches; float32, so that only the order of sums differs.
TrainConfig workers_config() {
  TrainConfig config = tiny_config();
  config.steps = 12;
  config.batch_size = 2;
  config.accumulation = 4;
  config.log_every = 1;
  return config;
}

/// A parameter that only some batches use, as text uses no memory path: batch 1 of every step but
/// 4..6, where no worker meets it.
class SometimesTask : public TinyTask {
 public:
  SometimesTask() { memory_ = model_.register_parameter("memory", at::ones({3})); }

  TaskLoss loss(const std::any& handle) override {
    TaskLoss loss = TinyTask::loss(handle);
    const BatchRequest& request = std::any_cast<const TinyBatch&>(handle).request;
    if (request.micro == 1 && (request.step < 4 || request.step > 6)) {
      loss.sum = loss.sum + (memory_ - 0.5).square().sum() * loss.count;
      loss.metrics["memory"] = memory_.detach().sum();
    }
    return loss;
  }

 private:
  Tensor memory_;
};

int free_port() {
  const int file = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  REQUIRE(bind(file, reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(getsockname(file, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  close(file);
  return ntohs(address.sin_port);
}

pid_t start_worker(const fs::path& run, int64_t rank, int64_t size, int port) {
  std::vector<std::string> words = {"test_experiments", "--test-case=training worker process",
                                    "--no-skip", "--minimal"};
  std::vector<std::string> variables = {"NVLM_WORKERS_RUN=" + run.string(),
                                        "RANK=" + std::to_string(rank),
                                        "WORLD_SIZE=" + std::to_string(size),
                                        "LOCAL_RANK=" + std::to_string(rank),
                                        "MASTER_ADDR=127.0.0.1",
                                        "MASTER_PORT=" + std::to_string(port)};
  std::vector<char*> arguments, environment;
  for (std::string& word : words) arguments.push_back(word.data());
  for (std::string& variable : variables) environment.push_back(variable.data());
  for (char** inherited = environ; *inherited != nullptr; ++inherited) {
    environment.push_back(*inherited);
  }
  arguments.push_back(nullptr);
  environment.push_back(nullptr);
  pid_t child = 0;
  REQUIRE(posix_spawn(&child, "/proc/self/exe", nullptr, nullptr, arguments.data(),
                      environment.data()) == 0);
  return child;
}

Json as_json(const WorkersPlan& plan) {
  return {{"steps", plan.config.steps},
          {"batch_size", plan.config.batch_size},
          {"accumulation", plan.config.accumulation},
          {"muon", plan.config.muon},
          {"shard_optimizer", plan.config.shard_optimizer},
          {"recompute", plan.config.recompute},
          {"dropout", plan.dropout},
          {"resume", plan.resume},
          {"restarts", plan.restarts},
          {"victim", plan.victim},
          {"step", plan.step},
          {"event", plan.event}};
}

struct WorkersEnd {
  std::vector<int> statuses;          // of waitpid
  std::vector<std::string> messages;  // "" where a worker threw nothing
  double seconds = 0;
};

/// Trains in `size` processes and waits for them.
WorkersEnd run_workers(const fs::path& run, int64_t size, const WorkersPlan& plan) {
  const fs::path files = run.string() + "_files";
  fs::remove_all(files);
  fs::create_directories(files);
  write_json(files / "plan.json", as_json(plan));
  const auto start = std::chrono::steady_clock::now();
  const int port = free_port();
  std::vector<pid_t> children;
  for (int64_t rank = 0; rank < size; ++rank) {
    children.push_back(start_worker(run, rank, size, port));
  }
  WorkersEnd end;
  for (const pid_t child : children) {
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    end.statuses.push_back(status);
  }
  end.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  for (int64_t rank = 0; rank < size; ++rank) {
    const fs::path message = files / ("message_" + std::to_string(rank));
    end.messages.push_back(fs::exists(message) ? read_text_file(message) : "");
  }
  return end;
}

void check_all_well(const WorkersEnd& end) {
  for (size_t rank = 0; rank < end.statuses.size(); ++rank) {
    INFO("worker " << rank << ": " << end.messages[rank]);
    CHECK(end.statuses[rank] == 0);
  }
}

/// Weights, optimiser and random states of the newest checkpoint.
std::map<std::string, Tensor> stored_state(const fs::path& run) {
  const SafetensorsFile file =
      SafetensorsFile::open(run / "checkpoints" / "latest" / "training_state.safetensors");
  std::map<std::string, Tensor> tensors;
  for (const auto& [name, entry] : file.entries()) tensors[name] = file.tensor(name).clone();
  return tensors;
}

/// The loss curve and the weights of two runs, up to the order of sums.
void check_same_training(const fs::path& run, const fs::path& expected) {
  const std::vector<Json> lines = metrics_lines(run), expected_lines = metrics_lines(expected);
  REQUIRE(lines.size() == expected_lines.size());
  for (size_t i = 0; i < lines.size(); ++i) {
    CAPTURE(i);
    for (const char* name : {"step", "samples", "tokens", "lr"}) {
      CAPTURE(name);
      CHECK(lines[i].at(name) == expected_lines[i].at(name));
    }
    for (const char* name : {"loss", "grad_norm", "grad_norm.hidden", "accuracy"}) {
      CAPTURE(name);
      CHECK(lines[i].at(name).get<double>() ==
            doctest::Approx(expected_lines[i].at(name).get<double>()).epsilon(1e-5));
    }
    CHECK(lines[i].contains("memory") == expected_lines[i].contains("memory"));
    CHECK(lines[i].contains("grad_norm.memory") == expected_lines[i].contains("grad_norm.memory"));
  }
  const auto state = stored_state(run), expected_state = stored_state(expected);
  for (const auto& [name, tensor] : expected_state) {
    if (name.starts_with("random/") || name == "buffer/calls") continue;
    const TensorDifference difference =
        compare_tensors(state.at(name), tensor, Tolerance{2e-6, 1e-5});
    INFO(name << ": " << difference.describe());
    CHECK(difference.close);
  }
}

void train_alone(const fs::path& run, const WorkersPlan& plan) {
  SometimesTask task;
  task.dropout = plan.dropout;
  train(task, plan.config, run, plan.resume);
}

}  // namespace

// Not a test of its own: run_workers() starts it several times.
TEST_CASE("training worker process" * doctest::skip()) {
  const char* run = std::getenv("NVLM_WORKERS_RUN");
  if (run == nullptr) return;
  LaunchEnvironment environment = launch_environment();
  const fs::path files = std::string(run) + "_files";
  const Json plan = read_json(files / "plan.json");
  environment.restarts = plan.at("restarts");
  TrainConfig config = workers_config();
  config.steps = plan.at("steps");
  config.batch_size = plan.at("batch_size");
  config.accumulation = plan.at("accumulation");
  config.muon = plan.at("muon");
  config.shard_optimizer = plan.at("shard_optimizer");
  config.recompute = plan.at("recompute");
  const bool is_victim = environment.rank == plan.at("victim").get<int64_t>();
  const std::string event = plan.at("event");
  if (is_victim && event == "other_rate") config.lr *= 2;
  SometimesTask task;
  task.dropout = plan.at("dropout");
  task.on_loss = [&](const BatchRequest& request, TaskLoss& loss) {
    if (!is_victim || request.step != plan.at("step").get<int64_t>()) return;
    if (event == "kill") kill(getpid(), SIGKILL);
    if (event == "term") raise(SIGTERM);
    if (event == "nan") loss.sum = loss.sum * std::nan("");
  };
  try {
    const WorkerGroup workers(environment, at::kCPU);
    const TrainResult result = train(task, config, run, plan.at("resume"), workers);
    if (result.status == TrainStatus::kInterrupted) {
      write_file_atomically(files / ("message_" + std::to_string(environment.rank)),
                            "stopped after step " + std::to_string(result.step));
    }
    workers.leave();
  } catch (const std::exception& error) {
    write_file_atomically(files / ("message_" + std::to_string(environment.rank)), error.what());
    std::_Exit(dynamic_cast<const UsageError*>(&error) != nullptr ? 2 : 1);
  }
}

TEST_CASE("training: 2 and 4 processes train as one does, with shards and without") {
  const ScratchDir scratch;
  WorkersPlan plan;
  plan.config = workers_config();
  train_alone(scratch / "alone", plan);
  // Gradients of layers that are computed again travel after the backward pass.
  for (const auto& [name, size, shards, recompute] :
       std::vector<std::tuple<std::string, int64_t, bool, bool>>{{"plain", 2, false, false},
                                                                 {"recomputing", 2, false, true},
                                                                 {"shards", 2, true, false},
                                                                 {"four", 4, true, false}}) {
    CAPTURE(name);
    plan.config.shard_optimizer = shards;
    plan.config.recompute = recompute;
    check_all_well(run_workers(scratch / name, size, plan));
    check_same_training(scratch / name, scratch / "alone");
  }
}

TEST_CASE("training: shards change no bit, and a stopped run resumes to the same bits") {
  const ScratchDir scratch;
  WorkersPlan plan;
  plan.config = workers_config();
  plan.config.muon = 0.5;
  plan.dropout = 0.1;  // each worker draws its own
  check_all_well(run_workers(scratch / "plain", 2, plan));
  plan.config.shard_optimizer = true;
  plan.event = "term";
  plan.victim = 1;  // the signal to one stops both
  const WorkersEnd stopped = run_workers(scratch / "shards", 2, plan);
  check_all_well(stopped);
  CHECK(stopped.messages == std::vector<std::string>(2, "stopped after step 6"));
  CHECK(fs::read_symlink(scratch / "shards" / "checkpoints" / "latest") == "step_6");
  plan.victim = -1;
  plan.resume = true;
  check_all_well(run_workers(scratch / "shards", 2, plan));
  const auto plain = stored_state(scratch / "plain");
  CHECK(plain.count("random/worker_1/cpu") == 1);
  CHECK(first_difference(stored_state(scratch / "shards"), plain) == "");
}

TEST_CASE("training: a killed worker ends the job with its rank; another number resumes it") {
  const ScratchDir scratch;
  WorkersPlan plan;
  plan.config = workers_config();
  plan.config.shard_optimizer = true;
  train_alone(scratch / "alone", plan);
  for (const auto& [size, victim, next_size] :
       std::vector<std::tuple<int64_t, int64_t, int64_t>>{{4, 2, 2}, {2, 0, 1}}) {
    CAPTURE(victim);
    const fs::path run = scratch / ("victim_" + std::to_string(victim));
    plan.victim = victim;
    plan.event = "kill";
    plan.resume = false;
    const WorkersEnd end = run_workers(run, size, plan);
    CHECK(end.seconds < 30);
    for (int64_t rank = 0; rank < size; ++rank) {
      CAPTURE(rank);
      const auto at = static_cast<size_t>(rank);
      CAPTURE(end.messages[at]);
      if (rank == victim) {
        CHECK(WIFSIGNALED(end.statuses[at]));
        continue;
      }
      CHECK(WEXITSTATUS(end.statuses[at]) == 1);
      CHECK(end.messages[at].find("worker " + std::to_string(victim) + " (ranks 0..") !=
            std::string::npos);
      CHECK(end.messages[at].find("does not answer any more") != std::string::npos);
    }
    CHECK(fs::read_symlink(run / "checkpoints" / "latest") == "step_5");
    plan.victim = -1;
    plan.resume = true;
    plan.restarts = 1;
    if (next_size == 1) {
      train_alone(run, plan);
    } else {
      check_all_well(run_workers(run, next_size, plan));
    }
    check_same_training(run, scratch / "alone");
  }
}

TEST_CASE("training: workers refuse what does not fit, and name the one that failed") {
  const ScratchDir scratch;
  WorkersPlan plan;
  plan.config = workers_config();
  plan.victim = 1;
  plan.event = "other_rate";
  for (const std::string& message : run_workers(scratch / "rate", 2, plan).messages) {
    CHECK(message.find("worker 1 differs from worker 0 in options/lr") != std::string::npos);
  }
  plan.event = "nan";
  const WorkersEnd failed = run_workers(scratch / "nan", 2, plan);
  const std::string reason = "training: step 6, batch 1 (samples 42..43): loss is nan";
  CHECK(failed.messages[1].find(reason) == 0);
  CHECK(failed.messages[0].find("stopped because of another worker; worker 1: " + reason) !=
        std::string::npos);
  plan.victim = -1;
  plan.config.accumulation = 3;
  const WorkersEnd refused = run_workers(scratch / "odd", 2, plan);
  for (size_t rank = 0; rank < 2; ++rank) {
    CHECK(WEXITSTATUS(refused.statuses[rank]) == 2);
    CHECK(refused.messages[rank].find("train.accumulation is 3, expected a multiple of the 2") ==
          0);
  }
}

TEST_CASE("training shards: every parameter has one owner, shares are about equal") {
  const WorkerGroup alone;
  std::vector<ParameterGroup> groups(1);
  for (const int64_t size : {7, 40, 3, 12, 25}) {
    groups[0].names.push_back("p" + std::to_string(size));
    groups[0].parameters.push_back(at::zeros({size}));
  }
  const OptimizerShards shards(groups, alone);
  for (const std::string& name : groups[0].names) CHECK(shards.owner(name) == 0);
  CHECK(shards.own(groups).front().names == groups[0].names);
  CHECK_THROWS_AS(static_cast<void>(shards.owner("absent")), std::out_of_range);
}

namespace {

/// Sets environment variables for the life of the object; all of torchrun's are unset first.
class ScopedLaunch {
 public:
  explicit ScopedLaunch(const std::map<std::string, std::string>& variables) {
    for (const char* name : {"RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT",
                             "TORCHELASTIC_RESTART_COUNT", "TORCHELASTIC_USE_AGENT_STORE"}) {
      unsetenv(name);
    }
    for (const auto& [name, value] : variables) setenv(name.c_str(), value.c_str(), 1);
    names_ = variables;
  }
  ~ScopedLaunch() {
    for (const auto& [name, value] : names_) unsetenv(name.c_str());
  }
  ScopedLaunch(const ScopedLaunch&) = delete;
  ScopedLaunch& operator=(const ScopedLaunch&) = delete;

 private:
  std::map<std::string, std::string> names_;
};

}  // namespace

TEST_CASE("training launch environment: torchrun's variables, and errors that name them") {
  const std::map<std::string, std::string> good = {
      {"RANK", "3"},           {"WORLD_SIZE", "4"},      {"LOCAL_RANK", "1"},
      {"MASTER_ADDR", "node"}, {"MASTER_PORT", "29500"}, {"TORCHELASTIC_RESTART_COUNT", "2"}};
  {
    const ScopedLaunch launch({});
    CHECK(launch_environment().world_size == 1);
    CHECK(device_of_process("cuda:1", launch_environment()) == "cuda:1");
  }
  {
    const ScopedLaunch launch(good);
    const LaunchEnvironment environment = launch_environment();
    CHECK(environment.rank == 3);
    CHECK(environment.world_size == 4);
    CHECK(environment.local_rank == 1);
    CHECK(environment.restarts == 2);
    CHECK(environment.store_address == "node");
    CHECK(environment.store_port == 29500);
    CHECK(!environment.launcher_has_store);
    CHECK(device_of_process("cuda", environment) == "cuda:1");
    CHECK(device_of_process("cpu", environment) == "cpu");
    CHECK_THROWS_AS(device_of_process("cuda:0", environment), UsageError);
  }
  for (const auto& [name, value, expected] :
       std::vector<std::tuple<std::string, std::string, std::string>>{
           {"RANK", "4", "environment variable RANK is '4', expected 0 to 3"},
           {"RANK", "one", "environment variable RANK is 'one', expected 0 to 3"},
           {"WORLD_SIZE", "0", "environment variable WORLD_SIZE is '0', expected 1 to 1048576"},
           {"LOCAL_RANK", "-1", "environment variable LOCAL_RANK is '-1', expected 0 to 3"},
           {"MASTER_PORT", "70000",
            "environment variable MASTER_PORT is '70000', expected 1 to 65535"}}) {
    std::map<std::string, std::string> bad = good;
    bad[name] = value;
    const ScopedLaunch launch(bad);
    CHECK(thrown_by([] { launch_environment(); }) == expected);
  }
  for (const char* name : {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"}) {
    std::map<std::string, std::string> bad = good;
    bad.erase(name);
    const ScopedLaunch launch(bad);
    const std::string message = thrown_by([] { launch_environment(); });
    CAPTURE(message);
    CHECK(message.find(std::string("environment variable ") + name + " is not set") == 0);
  }
}

}  // namespace nvlm::experiments
