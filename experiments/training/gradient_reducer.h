// The backward pass of a step whose batches are dealt out to several workers.
#pragma once

#include <torch/nn/module.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

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
/// The engine follows the graph from the loss to find parameters that a batch does not use. Layers
/// that are computed again (common/recompute.h) hide theirs from it, so with these gradients are
/// added up over the workers when the backward pass has ended.
class GradientReducer {
 public:
  /// model     with requires_grad as it stays; its trainable parameters alike on all workers
  /// workers   must outlive the object; a group of one only runs the backward pass
  /// overlaps  whether all parameters that a batch uses hang in the graph of its loss
  GradientReducer(const torch::nn::Module& model, const WorkerGroup& workers, bool overlaps);
  ~GradientReducer();
  GradientReducer(const GradientReducer&) = delete;
  GradientReducer& operator=(const GradientReducer&) = delete;

  /// total  [] with gradient
  /// last   whether it is this worker's last batch of the step; collective if so
  void backward(const Tensor& total, bool last);

 private:
  void reduce_afterwards() const;

  const WorkerGroup& workers_;
  const std::vector<std::pair<std::string, Tensor>> parameters_;  // trainable, each once
  std::unique_ptr<c10d::Reducer> reducer_;                        // where overlapping
};

}  // namespace nvlm::experiments
