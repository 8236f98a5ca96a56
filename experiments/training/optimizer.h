// The optimiser of a run: AdamW, with Muon for the hidden matrices where a run asks for it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/tensor.h"
#include "experiments/training/adamw.h"
#include "experiments/training/freeze_plan.h"
#include "experiments/training/gradient_norms.h"
#include "experiments/training/muon.h"
#include "experiments/training/optimizer_shards.h"

namespace nvlm::experiments {

struct OptimizerConfig {
  AdamWConfig adamw;
  double muon = 0;  // rate of hidden matrices under Muon, in units of the rate; 0 = AdamW for all
};

/// One interface over the two; each parameter belongs to exactly one of them.
class Optimizer {
 public:
  /// shards  absent: this worker keeps the state of all parameters; else of its share, and step(),
  ///         state() and load_state() are collective. Must outlive the object.
  Optimizer(const std::vector<ParameterGroup>& groups, const OptimizerConfig& config,
            const OptimizerShards* shards = nullptr);

  /// One update with rate lr * group.lr_factor. Parameters without a gradient are left alone.
  /// Nothing waits for the device; a norm that is not finite leaves every parameter as it was.
  /// divisor    [] float, on the parameters' device: gradients are divided by it (the step's
  ///            supervised tokens)
  /// clip_norm  bound on the global norm of the divided gradients; 0 = none. Muon's updates do not
  ///            depend on the size of a gradient, so only AdamW's are clipped, by the same factor
  /// returns    norms of the divided gradients before clipping
  GradientNorms step(double lr, const Tensor& divisor, double clip_norm);

  /// Drops every gradient, so that the next backward pass allocates instead of adding.
  void zero_grad();

  /// All groups, AdamW's first.
  const std::vector<ParameterGroup>& groups() const { return groups_; }

  /// The tensors of both, under names that say what they are and whose. With shards: of all
  /// parameters on worker 0, nothing on the others.
  std::map<std::string, Tensor> state() const;

  /// Copies what state() gave on worker 0. Throws std::runtime_error naming every missing or
  /// mis-shaped entry.
  void load_state(const std::map<std::string, Tensor>& whole);

 private:
  std::map<std::string, Tensor> own_state() const;

  const double muon_factor_;
  const OptimizerShards* const shards_;
  std::vector<ParameterGroup> groups_;
  AdamW adamw_;
  Muon muon_;
};

}  // namespace nvlm::experiments
