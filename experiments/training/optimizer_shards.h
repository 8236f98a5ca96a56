// Which worker keeps the optimiser's state of which parameter.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/tensor.h"
#include "experiments/training/freeze_plan.h"
#include "experiments/training/worker_group.h"

namespace nvlm::experiments {

/// Parameters dealt out to workers, so that each keeps and updates its share only, and hands the
/// updated weights to the others. The optimiser's state takes 1 / workers of the memory; gradients
/// and weights are whole everywhere.
/// source: Rajbhandari et al., "ZeRO" (arXiv 1910.02054) §5.1, stage 1 (P_os)
class OptimizerShards {
 public:
  /// The largest parameter goes to the worker with the fewest elements so far, and so on; the same
  /// on all workers.
  /// workers  must outlive the object
  OptimizerShards(const std::vector<ParameterGroup>& groups, const WorkerGroup& workers);

  /// The groups with this worker's parameters only.
  std::vector<ParameterGroup> own(const std::vector<ParameterGroup>& groups) const;

  /// The worker that keeps the state of parameter `name`. throws std::out_of_range
  int64_t owner(const std::string& name) const { return owners_.at(name); }

  /// Collective: every worker gets the weights of the others' parameters.
  void share_weights(const std::vector<ParameterGroup>& groups) const;

  /// Collective: the state of all parameters on worker 0, nothing on the others.
  /// own  this worker's entries; the part of a name behind the first '/' is the parameter's
  std::map<std::string, Tensor> gather_state(const std::map<std::string, Tensor>& own) const;

  /// Those of `state`'s entries that belong to this worker or to no known parameter.
  std::map<std::string, Tensor> without_others(const std::map<std::string, Tensor>& state) const;

 private:
  const WorkerGroup& workers_;
  const at::TensorOptions state_options_;
  std::map<std::string, int64_t> owners_;
};

}  // namespace nvlm::experiments
