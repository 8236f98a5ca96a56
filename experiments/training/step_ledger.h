// Collects the figures of training steps without waiting for the device, checks them, and averages
// them over a line of metrics.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/json.h"
#include "experiments/training/bad_batch.h"
#include "experiments/training/training_task.h"

namespace nvlm::experiments {

class StepLedger {
 public:
  /// Notes a batch's loss. `loss` must be complete; nothing is read from the device.
  void add_batch(const BatchRequest& request, const TaskLoss& loss);
  /// Notes the update that followed. norm: [] float, gradient norm before clipping
  void add_update(int64_t step, const Tensor& norm);

  /// Reads everything noted so far from the device in one transfer.
  /// throws  BadBatch naming step and batch: no supervised token, or a loss that is not finite;
  ///         std::runtime_error naming the step: a gradient norm that is not finite
  void drain();

  /// Token-weighted mean loss, mean gradient norm, means of the task's metrics (all over what was
  /// drained since the last call), then forgets them. Members: loss, grad_norm, extra, metrics'.
  Json take_line();

  /// Supervised tokens drained since construction.
  int64_t tokens() const { return tokens_; }

 private:
  struct Figure {
    enum class Kind { kSum, kCount, kExtra, kNorm, kMetric } kind;
    std::string name;      // of the metric
    BatchRequest request;  // of kNorm: the step alone
    Tensor value;
  };
  struct Mean {
    double sum = 0;
    int64_t count = 0;
  };

  void take(const Figure& figure, double value);

  std::vector<Figure> pending_;
  double loss_sum_ = 0, extra_sum_ = 0, window_tokens_ = 0, batch_tokens_ = 0;
  bool has_extra_ = false;
  Mean norm_;
  std::map<std::string, Mean> metrics_;
  int64_t tokens_ = 0;
};

}  // namespace nvlm::experiments
