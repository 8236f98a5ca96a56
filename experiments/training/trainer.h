// The training loop: any TrainingTask, one run directory, resumable to the same bits.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "experiments/training/train_config.h"
#include "experiments/training/training_task.h"
#include "experiments/training/worker_group.h"

namespace nvlm::experiments {

enum class TrainStatus {
  kFinished,         // all steps are done
  kInterrupted,      // SIGINT or SIGTERM: the step was finished and a checkpoint written
  kAlreadyFinished,  // resume of a run that had done all its steps; nothing was changed
};

struct TrainResult {
  TrainStatus status = TrainStatus::kFinished;
  int64_t step = 0;                          // updates done over the whole life of the run
  double loss = 0;                           // mean of the last line of metrics
  double flops = 0;                          // over the whole life, where the task counts them
  double seconds = 0;                        // training time over the whole life of the run
  std::filesystem::path checkpoint;          // run_dir/checkpoints/step_N
  std::map<std::string, double> validation;  // last validation of this call, possibly empty
};

/// Throws UsageError if `run_dir` holds anything but config.ini, manifest.json and tokenizer.json.
/// Call it before writing a run's files; train() checks it too.
void require_fresh_run_dir(const std::filesystem::path& run_dir);

/// Trains task.model() in place and fills `run_dir`:
///   metrics.jsonl            one JSON object per line: step, samples, tokens, loss, lr, grad_norm,
///                            grad_norm.<module>, tokens_per_second, samples_per_second,
///                            data_wait_share, seconds, peak_memory_mb, the task's metrics and
///                            totals, "validation": {...}; mfu and peak_flops if a metric is
///                            train_flops (of a pass); flops, their sum over the run
///   checkpoints/step_N/      task.save(), training_state.safetensors, training_state.json
///   checkpoints/latest       link to the newest one
///   bad_batch/               the batch that ended a run, where its loss was not finite
///   manifest.json            unless the caller has written a richer one
/// The caller writes config.ini. One group of workers at a time may train in a run directory.
///
/// workers  the processes that train together; each has built the same task. Batch m of a step (of
///          train.accumulation) belongs to worker m mod workers, so a step sees the same samples
///          whatever their number. Worker 0 alone validates and writes; all read checkpoints, so
///          the run directory must be visible to all. A signal to one of them stops all.
///
/// resume  continue from checkpoints/latest; a run killed before its first checkpoint starts again.
///         The task must come with the weights the run began with: frozen ones are compared with a
///         fingerprint, trained ones and buffers are read from the checkpoint. At the same thread
///         count and on the same machine the weights equal the uninterrupted run's bit for bit.
/// throws  UsageError: run_dir in use, nothing to resume, options that change the run's numbers;
///         std::runtime_error: zero supervised tokens, loss or gradient not finite, failed
///         prepare(), unreadable checkpoint; each names step and batch or file; a worker that
///         failed or is gone (its rank is named)
TrainResult train(TrainingTask& task, const TrainConfig& config,
                  const std::filesystem::path& run_dir, bool resume = false,
                  const WorkerGroup& workers = WorkerGroup());

struct ReplayResult {
  int64_t first_step = 0, last_step = 0;  // the steps that were done again: after first, up to last
  std::string differences;                // TrainingState::differences(); empty: the same bits
};

/// Proves that a run resumes exactly: loads the oldest of its kept checkpoints, does the steps up
/// to the next one again and compares the whole state with that. Nothing in the folder changes.
/// throws  UsageError if the run has fewer than two checkpoints; else as train()
ReplayResult replay(TrainingTask& task, const TrainConfig& config,
                    const std::filesystem::path& run_dir);

}  // namespace nvlm::experiments
