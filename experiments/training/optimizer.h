// The optimiser of a run: AdamW, with Muon for the hidden matrices where a run asks for it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/tensor.h"
#include "experiments/training/adamw.h"
#include "experiments/training/freeze_plan.h"
#include "experiments/training/muon.h"

namespace nvlm::experiments {

struct OptimizerConfig {
  AdamWConfig adamw;
  double muon = 0;  // rate of hidden matrices under Muon, in units of the rate; 0 = AdamW for all
};

/// One interface over the two; each parameter belongs to exactly one of them.
class Optimizer {
 public:
  Optimizer(const std::vector<ParameterGroup>& groups, const OptimizerConfig& config);

  /// One update with rate lr * group.lr_factor. Parameters without a gradient are left alone.
  /// Nothing waits for the device; a norm that is not finite leaves every parameter as it was.
  /// divisor    [] float, on the parameters' device: gradients are divided by it (the step's
  ///            supervised tokens)
  /// clip_norm  bound on the global norm of the divided gradients; 0 = none. Muon's updates do not
  ///            depend on the size of a gradient, so only AdamW's are clipped, by the same factor
  /// returns    [] float, global norm of the divided gradients before clipping
  Tensor step(double lr, const Tensor& divisor, double clip_norm);

  /// Drops every gradient, so that the next backward pass allocates instead of adding.
  void zero_grad();

  /// All groups, AdamW's first.
  const std::vector<ParameterGroup>& groups() const { return groups_; }

  /// The tensors of both, under names that say what they are and whose.
  std::map<std::string, Tensor> state() const;

  /// Copies what state() gave. Throws std::runtime_error naming every missing or mis-shaped entry.
  void load_state(const std::map<std::string, Tensor>& state);

 private:
  const double muon_factor_;
  AdamW adamw_;
  Muon muon_;
  std::vector<ParameterGroup> groups_;
};

}  // namespace nvlm::experiments
