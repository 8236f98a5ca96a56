#include "experiments/training/trainer.h"

#include <ATen/Context.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <chrono>
#include <cmath>
#include <iomanip>
#include <new>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "common/device.h"
#include "common/error.h"
#include "common/logging.h"
#include "common/manifest.h"
#include "common/peak_memory.h"
#include "common/progress.h"
#include "common/stop_signal.h"
#include "experiments/training/autocast.h"
#include "experiments/training/compute_peak.h"
#include "experiments/training/gradient_reducer.h"
#include "experiments/training/lr_schedule.h"
#include "experiments/training/optimizer.h"
#include "experiments/training/optimizer_shards.h"
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
template <class Work>
auto named(const std::string& where, const Work& work) -> decltype(work()) {
  const char* advice =
      ": out of memory; lower train.batch_size and raise train.accumulation by as much";
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
        reducer_(task.model(), workers),
        state_(task.model(), optimizer_, config, device, workers),
        schedule_{config.lr, config.min_lr, config.warmup_steps, config.steps} {
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

  BatchRequest request_of(int64_t item) const {
    return {static_cast<uint64_t>(config_.seed), item / config_.accumulation,
            item % config_.accumulation, item * config_.batch_size, config_.batch_size};
  }

  TrainResult loop() {
    const StopSignal stop;
    std::optional<Progress> progress;
    if (dir_ != nullptr) progress.emplace("train", config_.steps);
    Prefetcher batches(
        [this](int64_t item) {
          const BatchRequest request = request_of(item * workers_.size() + workers_.rank());
          return named("training data: " + request.describe(),
                       [&] { return task_.prepare(request); });
        },
        counters_.step * batches_per_step(), config_.steps * batches_per_step(), config_.workers,
        config_.prefetch);
    task_.model().train();
    line_start_ = Clock::now();
    bool stopping = false;
    while (counters_.step < config_.steps && !stopping) {
      const double lr = schedule_.at(counters_.step);
      train_step(batches, lr);
      stopping = workers_.any(stop.requested());
      const bool last = counters_.step == config_.steps;
      const bool checkpoint = last || stopping || every(config_.checkpoint_every);
      const bool validation = last || every(config_.validate_every);
      if (checkpoint || validation || counters_.step == 1 || every(config_.log_every)) {
        write_line(batches, lr, validation);
      }
      if (checkpoint) write_checkpoint();
      if (progress) progress->update(counters_.step, note_);
    }
    if (progress) progress->finish();
    return result(counters_.step == config_.steps ? TrainStatus::kFinished
                                                  : TrainStatus::kInterrupted);
  }

  /// Of this worker.
  int64_t batches_per_step() const { return config_.accumulation / workers_.size(); }

  bool every(int64_t steps) const { return steps > 0 && counters_.step % steps == 0; }

  void train_step(Prefetcher& batches, double lr) {
    Tensor tokens;  // [] float, supervised tokens of the step
    for (int64_t i = 0; i < batches_per_step(); ++i) {
      const BatchRequest request =
          request_of(counters_.step * config_.accumulation + i * workers_.size() + workers_.rank());
      const std::any batch = batches.next();
      named("training: " + request.describe(), [&] {
        const TaskLoss loss = forward(batch);
        ledger_.add_batch(request, loss);
        const Tensor count = on_own_device(loss.count);
        tokens = tokens.defined() ? tokens + count : count;
        Tensor total = loss.sum;
        if (loss.extra.defined()) total = total + loss.extra * count;
        reducer_.backward(total, /*last=*/i + 1 == batches_per_step());
      });
    }
    // On the CPU nothing is waited for, so a bad loss is found before it reaches the weights. On a
    // GPU the update is skipped by itself, and the error comes with the next line.
    if (device_.is_cpu()) ledger_.drain();
    if (!checked_gradients_ && dir_ != nullptr) report_missing_gradients();
    ledger_.add_update(counters_.step,
                       optimizer_.step(lr, workers_.sum(tokens), config_.clip_norm));
    optimizer_.zero_grad();
    if (device_.is_cpu()) ledger_.drain();
    counters_.step += 1;
    counters_.samples += config_.accumulation * config_.batch_size;
  }

  /// [] float. A count on the host is filled in, not copied: a copy would wait for the GPU.
  Tensor on_own_device(const Tensor& count) const {
    if (!count.is_cpu()) return count.detach().to(at::kFloat).reshape({});
    return at::scalar_tensor(count.item<double>(), at::TensorOptions(at::kFloat).device(device_));
  }

  TaskLoss forward(const std::any& batch) {
    const AutocastScope autocast(device_.type(), dtype_);
    TaskLoss loss = task_.loss(batch);
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
    ledger_.drain();
    const double seconds = std::max(seconds_since(line_start_), 1e-9);
    const int64_t samples =
        (counters_.step - line_step_) * config_.accumulation * config_.batch_size;
    const double wait = batches.seconds_waited() - line_wait_;
    Json line = ledger_.take_line(workers_);
    const auto tokens = line.at("tokens").get<int64_t>();
    const auto line_batches = line.at("batches").get<double>();
    line.erase("batches");
    counters_.tokens += tokens;
    counters_.seconds += seconds;
    const double tokens_per_second = static_cast<double>(tokens) / seconds;
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
    add_utilisation(line, line_batches / seconds);
    if (validation && dir_ != nullptr) {
      validate();
      if (!validation_.empty()) line["validation"] = validation_;
    }
    if (dir_ != nullptr) dir_->append_metrics(line);

    std::ostringstream note;
    note << std::setprecision(4) << "loss " << counters_.loss << ", lr " << lr << ", "
         << std::llround(tokens_per_second) << " tokens/s, waiting for data "
         << std::llround(100 * wait / seconds) << "%";
    note_ = note.str();
    line_step_ = counters_.step;
    line_wait_ = batches.seconds_waited();
    line_start_ = Clock::now();  // validation and checkpoints are not training time
  }

  /// mfu: the model's FLOP/s as a share of the peak of all workers' devices.
  void add_utilisation(Json& line, double batches_per_second) const {
    if (dir_ == nullptr || !line.contains("train_flops")) return;
    const std::optional<double> peak = compute_peak(device_, dtype_);
    if (!peak) return;
    const double peak_of_all = *peak * static_cast<double>(workers_.size());
    line["peak_flops"] = peak_of_all;
    line["mfu"] = line.at("train_flops").get<double>() * batches_per_second / peak_of_all;
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
    line_start_ = Clock::now();
  }

  TrainResult result(TrainStatus status) const {
    return {status, counters_.step, counters_.loss, counters_.seconds, checkpoint_, validation_};
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

  StepLedger ledger_;
  TrainCounters counters_;
  fs::path checkpoint_;
  std::map<std::string, double> validation_;
  std::string note_;
  bool checked_gradients_ = false;

  // Where the line of metrics being collected begins.
  Clock::time_point line_start_;
  int64_t line_step_ = 0;
  double line_wait_ = 0;
};

}  // namespace

TrainResult train(TrainingTask& task, const TrainConfig& config, const fs::path& run_dir,
                  bool resume, const WorkerGroup& workers) {
  config.validate();
  if (config.accumulation % workers.size() != 0) {
    throw UsageError("train.accumulation is " + std::to_string(config.accumulation) +
                     ", expected a multiple of the " + std::to_string(workers.size()) +
                     " processes, which share the batches of a step");
  }
  const at::Device device = parse_device(config.device);
  if (config.threads > 0) set_threads(static_cast<int>(config.threads));
  return together(workers, [&] {
    std::optional<RunDir> dir;
    if (workers.is_first()) dir.emplace(run_dir, resume);
    return TrainingRun(task, config, dir ? &*dir : nullptr, run_dir, device, workers).run(resume);
  });
}

}  // namespace nvlm::experiments
