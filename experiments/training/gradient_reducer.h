// The backward pass of a step whose batches are dealt out to several workers.
#pragma once

#include <torch/nn/module.h>

#include <memory>

#include "common/tensor.h"
#include "experiments/training/worker_group.h"

namespace c10d {
class Reducer;
}

namespace nvlm::experiments {

/// Adds gradients up over a step's batches and, in the last of them, over the workers, bucket by
/// bucket while the backward pass goes on (c10d's Reducer, the engine of DistributedDataParallel).
/// Gradients are sums in float32, not means. A parameter that no batch of any worker used has no
/// gradient afterwards; one that some used has the same on all workers.
///
/// The engine follows the graph from the loss to find parameters that a batch does not use, so each
/// parameter must hang in the graph of `total` itself: no backward pass within a backward pass.
class GradientReducer {
 public:
  /// model    with requires_grad as it stays; its trainable parameters alike on all workers
  /// workers  must outlive the object; a group of one only runs the backward pass
  GradientReducer(const torch::nn::Module& model, const WorkerGroup& workers);
  ~GradientReducer();
  GradientReducer(const GradientReducer&) = delete;
  GradientReducer& operator=(const GradientReducer&) = delete;

  /// total  [] with gradient
  /// last   whether it is this worker's last batch of the step; collective if so
  void backward(const Tensor& total, bool last);

 private:
  std::unique_ptr<c10d::Reducer> reducer_;  // absent in a group of one
};

}  // namespace nvlm::experiments
