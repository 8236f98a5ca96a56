#include "experiments/training/trainer.h"

#include <ATen/Context.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <utility>

#include "common/autocast.h"
#include "common/device.h"
#include "common/error.h"
#include "common/logging.h"
#include "common/manifest.h"
#include "common/progress.h"
#include "common/stop_signal.h"
#include "experiments/training/bad_batch.h"
#include "experiments/training/gradient_reducer.h"
#include "experiments/training/lr_schedule.h"
#include "experiments/training/metrics_lines.h"
#include "experiments/training/optimizer.h"
#include "experiments/training/optimizer_shards.h"
#include "experiments/training/prefetcher.h"
#include "experiments/training/run_dir.h"
#include "experiments/training/step_ledger.h"
#include "experiments/training/training_state.h"

namespace nvlm::experiments {
namespace {

namespace fs = std::filesystem;

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
  /// dir  on worker 0, null on the others
  TrainingRun(TrainingTask& task, const TrainConfig& config, RunDir* dir, fs::path path,
              at::Device device, const WorkerGroup& workers)
      : task_(task),
        config_(config),
        workers_(workers),
        dir_(dir),
        path_(std::move(path)),
        device_(device),
        dtype_(compute_dtype(device, config.dtype)),
        groups_(apply_freeze_plan(task.model(), task.freeze_plan())),
        shards_(groups_, workers),
        optimizer_(groups_,
                   {{config.beta1, config.beta2, config.eps, config.weight_decay}, config.muon},
                   config.shard_optimizer && workers.size() > 1 ? &shards_ : nullptr),
        reducer_(task.model(), workers, /*overlaps=*/!config.recompute),
        state_(task.model(), optimizer_, config, device, workers),
        schedule_{config.lr, config.min_lr, config.warmup_steps, config.steps},
        lines_(task, config, workers, device) {
    task.recompute_activations(config.recompute);
    for (const ParameterGroup& group : optimizer_.groups()) {
      if (group.parameters.front().device() == device_) continue;
      throw std::invalid_argument("training: '" + group.names.front() + "' is on " +
                                  group.parameters.front().device().str() + ", expected " +
                                  device_.str());
    }
  }

  TrainResult run(bool resume) {
    state_.align_workers();
    const fs::path checkpoint = resume ? checkpoint_to_resume() : fs::path();
    if (!checkpoint.empty()) {
      counters_ = state_.load(checkpoint);
      checkpoint_ = checkpoint;
    } else {
      seed_worker(config_.seed, workers_.rank(), /*step=*/0);
    }
    if (resume && dir_ != nullptr) dir_->keep_metrics_up_to(counters_.step);
    if (counters_.step >= config_.steps) {
      if (dir_ != nullptr) {
        log_info(path_.string() + ": all " + std::to_string(config_.steps) + " steps are done");
      }
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
  /// Collective: what worker 0 finds; empty if there is none.
  fs::path checkpoint_to_resume() const {
    std::string name;
    if (dir_ != nullptr) {
      const auto latest = dir_->latest_checkpoint();
      if (latest) name = latest->filename().string();
    }
    name = workers_.gather(name).front();
    return name.empty() ? fs::path() : path_ / "checkpoints" / name;
  }

  void write_missing_manifest() const {
    const fs::path path = path_ / "manifest.json";
    if (dir_ == nullptr || fs::exists(path)) return;
    ManifestInputs inputs;
    inputs.seed = static_cast<uint64_t>(config_.seed);
    inputs.device = device_.str();
    inputs.dtype = dtype_ == at::kFloat ? "float32" : "bfloat16";
    write_manifest(path, make_manifest(inputs));
  }

  TrainResult loop() {
    const StopSignal stop;
    std::optional<Progress> progress;
    if (dir_ != nullptr) progress.emplace("train", config_.steps);
    const std::unique_ptr<Prefetcher> batches = prefetch_until(config_.steps);
    task_.begin(records_folder(), counters_.samples);
    task_.model().train();
    lines_.begin(counters_.step);
    bool stopping = false;
    while (counters_.step < config_.steps && !stopping) {
      const double lr = schedule_.at(counters_.step);
      train_step(*batches, lr);
      stopping = workers_.any(stop.requested());
      const bool last = counters_.step == config_.steps;
      const bool checkpoint = last || stopping || every(config_.checkpoint_every);
      const bool validation = last || every(config_.validate_every);
      if (checkpoint || validation || counters_.step == 1 || every(config_.log_every)) {
        write_line(*batches, lr, validation);
      }
      const bool best = validation && workers_.any(dir_ != nullptr && improved());
      if (checkpoint || best) write_checkpoint();
      if (best && dir_ != nullptr) dir_->mark_best(checkpoint_, config_.keep_last);
      if (progress) progress->update(counters_.step, lines_.note());
    }
    if (progress) progress->finish();
    return result(counters_.step == config_.steps ? TrainStatus::kFinished
                                                  : TrainStatus::kInterrupted);
  }

  /// Where the task keeps its records: each worker but the first in a folder of its own.
  fs::path records_folder() const {
    if (workers_.is_first()) return path_;
    const fs::path folder = path_ / ("worker_" + std::to_string(workers_.rank()));
    fs::create_directories(folder);
    return folder;
  }

  /// Of this worker.
  int64_t batches_per_step() const { return config_.accumulation / workers_.size(); }

  /// The place in the run's order of this worker's batch number `own`, counted from the first step.
  int64_t item_of(int64_t own) const { return own * workers_.size() + workers_.rank(); }

  std::unique_ptr<Prefetcher> prefetch_until(int64_t last_step) const {
    return std::make_unique<Prefetcher>(
        [this](int64_t own) {
          const BatchRequest request = batch_request(config_, item_of(own));
          return named("training data: " + request.describe(),
                       [&] { return task_.prepare(request); });
        },
        counters_.step * batches_per_step(), last_step * batches_per_step(), config_.workers,
        config_.prefetch);
  }

  bool every(int64_t steps) const { return steps > 0 && counters_.step % steps == 0; }

  void train_step(Prefetcher& batches, double lr) {
    Tensor tokens;  // [] float, supervised tokens of the step
    const int64_t own_batches = batches_per_step();
    for (int64_t i = 0; i < own_batches; ++i) {
      const BatchRequest request =
          batch_request(config_, item_of(counters_.step * own_batches + i));
      const std::vector<std::any> passes = batches.next();
      for (const std::any& pass : passes) {
        named(
            "training: " + request.describe(),
            [&] {
              const TaskLoss loss = forward(pass);
              ledger_.add_batch(request, loss);
              const Tensor count = on_own_device(loss.count);
              tokens = tokens.defined() ? tokens + count : count;
              reducer_.backward(total_loss(loss, count),
                                /*last=*/i + 1 == own_batches && &pass == &passes.back());
            },
            task_.describe(pass));
      }
    }
    // On the CPU nothing is waited for, so a bad loss is found before it reaches the weights. On a
    // GPU the update is skipped by itself, and the error comes with the next line.
    if (device_.is_cpu()) drain_ledger();
    if (!checked_gradients_ && dir_ != nullptr) report_missing_gradients();
    ledger_.add_update(counters_.step,
                       optimizer_.step(lr, workers_.sum(tokens), config_.clip_norm));
    optimizer_.zero_grad();
    if (device_.is_cpu()) drain_ledger();
    counters_.step += 1;
    counters_.samples += config_.accumulation * config_.batch_size;
  }

  /// [] float. A count on the host is filled in, not copied: a copy would wait for the GPU.
  Tensor on_own_device(const Tensor& count) const {
    if (!count.is_cpu()) return count.detach().to(at::kFloat).reshape({});
    return at::scalar_tensor(count.item<double>(), at::TensorOptions(at::kFloat).device(device_));
  }

  void drain_ledger() {
    try {
      ledger_.drain();
    } catch (const BadBatch& error) {
      rethrow_with_dump(error, task_, path_);
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
    Json line = lines_.collect(ledger_, counters_, batches.seconds_waited(), lr);
    if (validation && dir_ != nullptr) {
      validate();
      if (!validation_.empty()) line["validation"] = validation_;
    }
    if (dir_ != nullptr) dir_->append_metrics(line);
    lines_.restart_clock();  // validation and checkpoints are not training time
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
    if (dir_ == nullptr) {
      state_.contribute();
      checkpoint_ = path_ / "checkpoints" / ("step_" + std::to_string(counters_.step));
      return;
    }
    checkpoint_ =
        dir_->publish_checkpoint(counters_.step, config_.keep_last, [this](const fs::path& dir) {
          task_.save(dir);
          state_.save(dir, counters_);
        });
    lines_.restart_clock();
  }

  TrainResult result(TrainStatus status) const {
    return {status,      counters_.step, counters_.loss, counters_.flops, counters_.seconds,
            checkpoint_, validation_};
  }

  TrainingTask& task_;
  const TrainConfig& config_;
  const WorkerGroup& workers_;
  RunDir* const dir_;
  const fs::path path_;
  const at::Device device_;
  const at::ScalarType dtype_;
  const std::vector<ParameterGroup> groups_;
  const OptimizerShards shards_;
  Optimizer optimizer_;
  GradientReducer reducer_;
  TrainingState state_;
  const LrSchedule schedule_;
  MetricsLines lines_;

  StepLedger ledger_;
  TrainCounters counters_;
  fs::path checkpoint_;
  std::map<std::string, double> validation_;
  bool checked_gradients_ = false;
};

/// Everything that must hold before a run is opened. Returns its device.
at::Device set_up(const TrainConfig& config, const WorkerGroup& workers) {
  config.validate();
  if (config.accumulation % workers.size() != 0) {
    throw UsageError("train.accumulation is " + std::to_string(config.accumulation) +
                     ", expected a multiple of the " + std::to_string(workers.size()) +
                     " processes, which share the batches of a step");
  }
  const at::Device device = parse_device(config.device);
  if (config.threads > 0) set_threads(static_cast<int>(config.threads));
  return device;
}

}  // namespace

TrainResult train(TrainingTask& task, const TrainConfig& config, const fs::path& run_dir,
                  bool resume, const WorkerGroup& workers) {
  const at::Device device = set_up(config, workers);
  return together(workers, [&] {
    std::optional<RunDir> dir;
    if (workers.is_first()) dir.emplace(run_dir, resume);
    return TrainingRun(task, config, dir ? &*dir : nullptr, run_dir, device, workers).run(resume);
  });
}

ReplayResult replay(TrainingTask& task, const TrainConfig& config, const fs::path& run_dir) {
  const WorkerGroup alone;
  const at::Device device = set_up(config, alone);
  RunDir dir(run_dir, /*resume=*/true);
  const std::vector<fs::path> checkpoints = dir.checkpoints();
  if (checkpoints.size() < 2) {
    throw UsageError("run directory: '" + run_dir.string() + "' has " +
                     std::to_string(checkpoints.size()) +
                     " checkpoints, expected two or more to do the steps between them again");
  }
  return TrainingRun(task, config, &dir, run_dir, device, alone)
      .replay(checkpoints[0], checkpoints[1]);
}

}  // namespace nvlm::experiments
