// Collects the figures of training steps without waiting for the device, checks them, and averages
// them over a line of metrics.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/json.h"
#include "experiments/training/bad_batch.h"
#include "experiments/training/gradient_norms.h"
#include "experiments/training/training_task.h"
#include "experiments/training/worker_group.h"

namespace nvlm::experiments {

class StepLedger {
 public:
  /// Notes a batch's loss. `loss` must be complete; nothing is read from the device.
  void add_batch(const BatchRequest& request, const TaskLoss& loss);
  /// Notes the update that followed. norms: before clipping
  void add_update(int64_t step, const GradientNorms& norms);

  /// Reads everything noted so far from the device in one transfer.
  /// throws  BadBatch naming step and batch: no supervised token, or a loss that is not finite;
  ///         std::runtime_error naming the step: a gradient norm that is not finite
  void drain();

  /// Collective: token-weighted mean loss, mean gradient norms, means of the task's metrics (all
  /// over what any worker drained since its last call), then forgets them. Members: loss,
  /// grad_norm, grad_norm.<module>, extra, metrics', tokens (supervised), batches.
  Json take_line(const WorkerGroup& workers);

 private:
  struct Figure {
    enum class Kind { kSum, kCount, kExtra, kNorm, kMetric } kind;
    std::string name;      // of the norm or metric
    BatchRequest request;  // of kNorm: the step alone
    Tensor value;
  };
  /// What a line is made of; all of it can be added up over workers.
  struct Sums {
    double loss = 0, extra = 0, tokens = 0;
    int64_t batches = 0, batches_with_extra = 0;
    std::map<std::string, std::pair<double, int64_t>> means;  // name -> sum, number of values
  };

  static Json to_json(const Sums& sums);
  static void add(Sums& sums, const Json& others);
  void take(const Figure& figure, double value);

  std::vector<Figure> pending_;
  double batch_tokens_ = 0;  // of the batch that is being taken
  Sums sums_;
};

}  // namespace nvlm::experiments
