#include "experiments/training/trainer.h"

#include <ATen/Context.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <chrono>
#include <cmath>
#include <iomanip>
#include <memory>
#include <new>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "common/autocast.h"
#include "common/device.h"
#include "common/error.h"
#include "common/logging.h"
#include "common/manifest.h"
#include "common/peak_memory.h"
#include "common/progress.h"
#include "common/stop_signal.h"
#include "experiments/training/bad_batch.h"
#include "experiments/training/lr_schedule.h"
#include "experiments/training/optimizer.h"
#include "experiments/training/prefetcher.h"
#include "experiments/training/run_dir.h"
#include "experiments/training/step_ledger.h"
#include "experiments/training/training_state.h"

namespace nvlm::experiments {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Runs `work`; an exception gets `where` in front, and advice where memory ran out.
/// size  of the batch, in words; may be empty
template <class Work>
auto named(const std::string& where, const Work& work, const std::string& size = "")
    -> decltype(work()) {
  const std::string advice = ": out of memory" + (size.empty() ? "" : " with " + size) +
                             "; lower train.pass_tokens, which cuts the batch without changing the "
                             "step, set train.recompute,"
                             " or lower data.max_tokens or the model's tiling.max_tiles";
  try {
    return work();
  } catch (const c10::OutOfMemoryError&) {
    throw std::runtime_error(where + advice);
  } catch (const std::bad_alloc&) {
    throw std::runtime_error(where + advice);
  } catch (const c10::Error& error) {
    throw std::runtime_error(where + ": " + error.what_without_backtrace());
  } catch (const std::exception& error) {
    throw std::runtime_error(where + ": " + error.what());
  }
}

/// One call of train(), from the opened run directory to the result.
class TrainingRun {
 public:
  TrainingRun(TrainingTask& task, const TrainConfig& config, RunDir& dir, at::Device device)
      : task_(task),
        config_(config),
        dir_(dir),
        device_(device),
        dtype_(compute_dtype(device, config.dtype)),
        optimizer_(apply_freeze_plan(task.model(), task.freeze_plan()),
                   {{config.beta1, config.beta2, config.eps, config.weight_decay}, config.muon}),
        state_(task.model(), optimizer_, config, device),
        schedule_{config.lr, config.min_lr, config.warmup_steps, config.steps} {
    task.recompute_activations(config.recompute);
    for (const ParameterGroup& group : optimizer_.groups()) {
      if (group.parameters.front().device() == device_) continue;
      throw std::invalid_argument("training: '" + group.names.front() + "' is on " +
                                  group.parameters.front().device().str() + ", expected " +
                                  device_.str());
    }
  }

  TrainResult run(bool resume) {
    if (const auto checkpoint = resume ? dir_.latest_checkpoint() : std::nullopt) {
      counters_ = state_.load(*checkpoint);
      checkpoint_ = *checkpoint;
    } else {
      at::manual_seed(static_cast<uint64_t>(config_.seed));
    }
    if (resume) dir_.keep_metrics_up_to(counters_.step);
    if (counters_.step >= config_.steps) {
      log_info(dir_.path().string() + ": all " + std::to_string(config_.steps) + " steps are done");
      return result(TrainStatus::kAlreadyFinished);
    }
    write_missing_manifest();
    return loop();
  }

  /// The steps from one checkpoint to another again, without writing anything.
  ReplayResult replay(const fs::path& from, const fs::path& to) {
    ReplayResult result;
    counters_ = state_.load(to);
    result.last_step = counters_.step;
    counters_ = state_.load(from);
    result.first_step = counters_.step;
    const std::unique_ptr<Prefetcher> batches = prefetch_until(result.last_step);
    Progress progress("replay", result.last_step - result.first_step);
    task_.model().train();
    while (counters_.step < result.last_step) {
      train_step(*batches, schedule_.at(counters_.step));
      if (every(config_.validate_every)) validate();
      progress.update(counters_.step - result.first_step);
    }
    progress.finish();
    result.differences = state_.differences(to);
    return result;
  }

 private:
  void write_missing_manifest() const {
    const fs::path path = dir_.path() / "manifest.json";
    if (fs::exists(path)) return;
    ManifestInputs inputs;
    inputs.seed = static_cast<uint64_t>(config_.seed);
    inputs.device = device_.str();
    inputs.dtype = dtype_ == at::kFloat ? "float32" : "bfloat16";
    write_manifest(path, make_manifest(inputs));
  }

  BatchRequest request_of(int64_t item) const {
    return {static_cast<uint64_t>(config_.seed),
            item / config_.accumulation,
            item % config_.accumulation,
            item * config_.batch_size,
            config_.batch_size,
            config_.pass_tokens};
  }

  TrainResult loop() {
    const StopSignal stop;
    Progress progress("train", config_.steps);
    const std::unique_ptr<Prefetcher> batches = prefetch_until(config_.steps);
    task_.begin(dir_.path(), counters_.samples);
    task_.model().train();
    line_start_ = Clock::now();
    bool stopping = false;
    while (counters_.step < config_.steps && !stopping) {
      const double lr = schedule_.at(counters_.step);
      train_step(*batches, lr);
      stopping = stop.requested();
      const bool last = counters_.step == config_.steps;
      const bool checkpoint = last || stopping || every(config_.checkpoint_every);
      const bool validation = last || every(config_.validate_every);
      if (checkpoint || validation || counters_.step == 1 || every(config_.log_every)) {
        write_line(*batches, lr, validation);
      }
      const bool best = validation && improved();
      if (checkpoint || best) write_checkpoint();
      if (best) dir_.mark_best(checkpoint_, config_.keep_last);
      progress.update(counters_.step, note_);
    }
    progress.finish();
    return result(counters_.step == config_.steps ? TrainStatus::kFinished
                                                  : TrainStatus::kInterrupted);
  }

  std::unique_ptr<Prefetcher> prefetch_until(int64_t last_step) const {
    return std::make_unique<Prefetcher>(
        [this](int64_t item) {
          const BatchRequest request = request_of(item);
          return named("training data: " + request.describe(),
                       [&] { return task_.prepare(request); });
        },
        counters_.step * config_.accumulation, last_step * config_.accumulation, config_.workers,
        config_.prefetch);
  }

  bool every(int64_t steps) const { return steps > 0 && counters_.step % steps == 0; }

  void train_step(Prefetcher& batches, double lr) {
    Tensor tokens;  // [] float, supervised tokens of the step
    for (int64_t micro = 0; micro < config_.accumulation; ++micro) {
      const BatchRequest request = request_of(counters_.step * config_.accumulation + micro);
      for (const std::any& pass : batches.next()) {
        named(
            "training: " + request.describe(),
            [&] {
              const TaskLoss loss = forward(pass);
              ledger_.add_batch(request, loss);
              const Tensor count = loss.count.detach().to(device_, at::kFloat).reshape({});
              tokens = tokens.defined() ? tokens + count : count;
              Tensor total = loss.sum;
              if (loss.extra.defined()) total = total + loss.extra * count;
              total.backward();
            },
            task_.describe(pass));
      }
    }
    // On the CPU nothing is waited for, so a bad loss is found before it reaches the weights. On a
    // GPU the update is skipped by itself, and the error comes with the next line.
    if (device_.is_cpu()) drain_ledger();
    if (!checked_gradients_) report_missing_gradients();
    ledger_.add_update(counters_.step, optimizer_.step(lr, tokens, config_.clip_norm));
    optimizer_.zero_grad();
    if (device_.is_cpu()) drain_ledger();
    counters_.step += 1;
    counters_.samples += config_.accumulation * config_.batch_size;
  }

  void drain_ledger() {
    try {
      ledger_.drain();
    } catch (const BadBatch& error) {
      rethrow_with_dump(error, task_, dir_.path());
    }
  }

  TaskLoss forward(const std::any& pass) {
    const AutocastScope autocast(device_.type(), dtype_);
    TaskLoss loss = task_.loss(pass);
    check_shapes(loss);
    return loss;
  }

  /// Once per call of train(): a trainable parameter that the first step did not reach is often a
  /// mistake, but not always (a text-only batch).
  void report_missing_gradients() {
    checked_gradients_ = true;
    int64_t missing = 0;
    std::string example;
    for (const ParameterGroup& group : optimizer_.groups()) {
      for (size_t i = 0; i < group.names.size(); ++i) {
        if (group.parameters[i].grad().defined()) continue;
        if (missing++ == 0) example = group.names[i];
      }
    }
    if (missing > 0) {
      log_warning("training: " + std::to_string(missing) +
                  " trainable parameters got no gradient in the first step, among them '" +
                  example + "'");
    }
  }

  void write_line(const Prefetcher& batches, double lr, bool validation) {
    drain_ledger();
    const double seconds = std::max(seconds_since(line_start_), 1e-9);
    const int64_t tokens = ledger_.tokens() - line_tokens_;
    const int64_t samples =
        (counters_.step - line_step_) * config_.accumulation * config_.batch_size;
    const double wait = batches.seconds_waited() - line_wait_;
    counters_.tokens += tokens;
    counters_.seconds += seconds;
    const double tokens_per_second = static_cast<double>(tokens) / seconds;
    Json line = ledger_.take_line();
    counters_.loss = line.at("loss").get<double>();
    line["step"] = counters_.step;
    line["samples"] = counters_.samples;
    line["tokens"] = counters_.tokens;
    line["lr"] = lr;
    line["tokens_per_second"] = tokens_per_second;
    line["samples_per_second"] = static_cast<double>(samples) / seconds;
    line["data_wait_share"] = wait / seconds;
    line["seconds"] = counters_.seconds;
    line["peak_memory_mb"] = static_cast<double>(peak_memory_bytes()) / (1 << 20);
    for (const auto& [name, total] : task_.totals()) line[name] = total;
    if (validation) {
      validate();
      if (!validation_.empty()) line["validation"] = validation_;
    }
    dir_.append_metrics(line);

    std::ostringstream note;
    note << std::setprecision(4) << "loss " << counters_.loss << ", lr " << lr << ", "
         << std::llround(tokens_per_second) << " tokens/s, waiting for data "
         << std::llround(100 * wait / seconds) << "%";
    note_ = note.str();
    line_tokens_ = ledger_.tokens();
    line_step_ = counters_.step;
    line_wait_ = batches.seconds_waited();
    line_start_ = Clock::now();  // validation and checkpoints are not training time
  }

  void validate() {
    const c10::NoGradGuard no_grad;
    const auto random = random_state(device_);
    task_.model().eval();
    {
      const AutocastScope autocast(device_.type(), dtype_);
      validation_ = task_.validate();
    }
    task_.model().train();
    set_random_state(device_, random);
  }

  /// Whether the last validation is the best so far, and notes it.
  bool improved() {
    if (config_.keep_best.empty()) return false;
    const auto found = validation_.find(config_.keep_best);
    if (found == validation_.end()) {
      std::string names;
      for (const auto& [name, value] : validation_) names += (names.empty() ? "" : ", ") + name;
      throw UsageError(
          "train.keep_best is '" + config_.keep_best +
          "', expected a figure of the validation: " + (names.empty() ? "there is none" : names));
    }
    if (counters_.best && !(found->second < *counters_.best)) return false;
    counters_.best = found->second;
    return true;
  }

  void write_checkpoint() {
    checkpoint_ =
        dir_.publish_checkpoint(counters_.step, config_.keep_last, [this](const fs::path& dir) {
          task_.save(dir);
          state_.save(dir, counters_);
        });
    line_start_ = Clock::now();
  }

  TrainResult result(TrainStatus status) const {
    return {status, counters_.step, counters_.loss, counters_.seconds, checkpoint_, validation_};
  }

  TrainingTask& task_;
  const TrainConfig& config_;
  RunDir& dir_;
  const at::Device device_;
  const at::ScalarType dtype_;
  Optimizer optimizer_;
  TrainingState state_;
  const LrSchedule schedule_;

  StepLedger ledger_;
  TrainCounters counters_;
  fs::path checkpoint_;
  std::map<std::string, double> validation_;
  std::string note_;
  bool checked_gradients_ = false;

  // Where the line of metrics being collected begins.
  Clock::time_point line_start_;
  int64_t line_tokens_ = 0, line_step_ = 0;
  double line_wait_ = 0;
};

/// Everything that must hold before a run is opened. Returns its device.
at::Device set_up(const TrainConfig& config) {
  config.validate();
  const at::Device device = parse_device(config.device);
  if (config.threads > 0) set_threads(static_cast<int>(config.threads));
  return device;
}

}  // namespace

TrainResult train(TrainingTask& task, const TrainConfig& config, const fs::path& run_dir,
                  bool resume) {
  const at::Device device = set_up(config);
  RunDir dir(run_dir, resume);
  return TrainingRun(task, config, dir, device).run(resume);
}

ReplayResult replay(TrainingTask& task, const TrainConfig& config, const fs::path& run_dir) {
  const at::Device device = set_up(config);
  RunDir dir(run_dir, /*resume=*/true);
  const std::vector<fs::path> checkpoints = dir.checkpoints();
  if (checkpoints.size() < 2) {
    throw UsageError("run directory: '" + run_dir.string() + "' has " +
                     std::to_string(checkpoints.size()) +
                     " checkpoints, expected two or more to do the steps between them again");
  }
  return TrainingRun(task, config, dir, device).replay(checkpoints[0], checkpoints[1]);
}

}  // namespace nvlm::experiments
