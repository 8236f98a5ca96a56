// The lines of metrics.jsonl: what happened since the last one, how fast, and what it cost.
#pragma once

#include <c10/core/Device.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "common/json.h"
#include "experiments/training/step_ledger.h"
#include "experiments/training/train_config.h"
#include "experiments/training/training_state.h"
#include "experiments/training/training_task.h"
#include "experiments/training/worker_group.h"

namespace nvlm::experiments {

class MetricsLines {
 public:
  /// Everything must outlive the object.
  MetricsLines(const TrainingTask& task, const TrainConfig& config, const WorkerGroup& workers,
               c10::Device device);

  /// The first line's steps are those behind `step`, and its time begins now.
  void begin(int64_t step);

  /// The time of the line that is being collected begins now.
  void restart_clock();

  /// Collective: the line of the steps since the last one, and the totals of `counters` with it.
  /// See train() for its members. ledger  drained waited  seconds that the trainer has waited for
  /// data so far
  Json collect(StepLedger& ledger, TrainCounters& counters, double waited, double lr);

  /// The last line in words, for the progress.
  const std::string& note() const { return note_; }

 private:
  void add_utilisation(Json& line, double passes_per_second) const;
  void add_totals(Json& line) const;

  const TrainingTask& task_;
  const TrainConfig& config_;
  const WorkerGroup& workers_;
  const c10::Device device_;
  std::chrono::steady_clock::time_point start_;
  int64_t steps_before_ = 0;  // the line
  double waited_ = 0;
  std::string note_;
};

}  // namespace nvlm::experiments
