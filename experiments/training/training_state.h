// Everything a resumed run needs beside its configuration: exact weights, optimiser, random states,
// counters. Kept apart from the model's own checkpoint, which may be rounded.
#pragma once

#include <c10/core/Device.h>
#include <torch/nn/module.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "common/json.h"
#include "experiments/training/optimizer.h"
#include "experiments/training/train_config.h"
#include "experiments/training/worker_group.h"

namespace nvlm::experiments {

/// Totals over the whole life of a run.
struct TrainCounters {
  int64_t step = 0;  // updates done
  int64_t samples = 0;
  int64_t tokens = 0;          // supervised
  double seconds = 0;          // of training, without the time between interruption and resume
  double flops = 0;            // of the products, where the task counts them
  double loss = 0;             // of the last line of metrics
  std::optional<double> best;  // lowest figure of TrainConfig::keep_best
};

/// The parts of a run that its state is read from and restored into.
class TrainingState {
 public:
  /// Everything must outlive the object. Takes the frozen parameters' fingerprint at once.
  TrainingState(torch::nn::Module& model, Optimizer& optimizer, const TrainConfig& config,
                c10::Device device, const WorkerGroup& workers);

  /// Collective: compares options, frozen weights and the shapes of trainable ones over the
  /// workers, then gives all of them worker 0's trainable weights and buffers. throws
  /// std::runtime_error naming a worker that differs from worker 0
  void align_workers() const;

  /// On worker 0, while all others are in contribute(). Writes training_state.safetensors
  /// (parameter/<name> of the trainable ones, buffer/<name>, optimizer/..., random/cpu,
  /// random/device, of other workers random/worker_<rank>/...) and training_state.json (format,
  /// counters, the options that the numbers depend on, fingerprint of the frozen parameters).
  void save(const std::filesystem::path& dir, const TrainCounters& counters) const;
  /// On all workers but the first: their part of a save().
  void contribute() const { whole_state(); }

  /// Restores the state in place, by any number of workers: a worker that had no random state in
  /// the file is seeded anew. Nothing is changed unless all of it fits. throws  UsageError if an
  /// option that the numbers depend on differs from the run's;
  ///         std::runtime_error for files that are damaged or of another model
  TrainCounters load(const std::filesystem::path& dir);

  /// What differs, bit by bit, between the live state and the stored one: one line each, beginning
  /// with a newline; empty if nothing does.
  std::string differences(const std::filesystem::path& dir) const;

 private:
  /// Collective: optimizer/... and random/..., complete on worker 0.
  std::map<std::string, Tensor> whole_state() const;
  /// Collective: all of it, complete on worker 0.
  std::map<std::string, Tensor> tensors() const;
  void check_identity(const Json& stored, const std::string& where) const;

  torch::nn::Module& model_;
  Optimizer& optimizer_;
  const c10::Device device_;
  const WorkerGroup& workers_;
  const int64_t seed_;
  const int64_t threads_;
  const Json options_;  // name -> value
  const std::string frozen_fingerprint_;
};

/// Seeds the tensor library's generators, each worker's differently; worker 0 at step 0 with `seed`
/// itself.
void seed_worker(int64_t seed, int64_t rank, int64_t step);

/// State of the tensor library's generators, as uint8 tensors: "cpu", and "device" for CUDA.
std::map<std::string, Tensor> random_state(c10::Device device);
/// Restores what random_state() gave. throws std::runtime_error if a generator's state is missing
void set_random_state(c10::Device device, const std::map<std::string, Tensor>& state);

}  // namespace nvlm::experiments
