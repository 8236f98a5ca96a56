// AdamW in one fused kernel per parameter group, with global-norm clipping, on CPU and CUDA.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/tensor.h"
#include "experiments/training/freeze_plan.h"

namespace nvlm::experiments {

struct AdamWConfig {
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-8;
  double weight_decay = 0.1;  // of groups with decay
};

/// Decoupled weight decay, bias-corrected moments in float32.
/// source: Loshchilov & Hutter, "Decoupled Weight Decay Regularization" (arXiv 1711.05101)
class AdamW {
 public:
  AdamW(std::vector<ParameterGroup> groups, const AdamWConfig& config);

  /// One update with rate lr * group.lr_factor. Parameters without a gradient are left alone.
  /// Nothing waits for the device; a norm that is not finite leaves every parameter as it was.
  /// divisor    [] float, on the parameters' device: gradients are divided by it (the step's
  ///            supervised tokens)
  /// clip_norm  bound on the global norm of the divided gradients; 0 = none
  /// returns    [] float, global norm of the divided gradients before clipping
  Tensor step(double lr, const Tensor& divisor, double clip_norm);

  /// Drops every gradient, so that the next backward pass allocates instead of adding.
  void zero_grad();

  const std::vector<ParameterGroup>& groups() const { return groups_; }

  /// exp_avg/<name>, exp_avg_sq/<name> (shape of the parameter, float32), updates/<name> ([]).
  std::map<std::string, Tensor> state() const;

  /// Copies what state() gave. Throws std::runtime_error naming every missing or mis-shaped entry.
  void load_state(const std::map<std::string, Tensor>& state);

 private:
  struct Moments {
    std::vector<Tensor> exp_avg, exp_avg_sq, updates;
  };

  std::vector<ParameterGroup> groups_;
  std::vector<Moments> moments_;  // one per group
  AdamWConfig config_;
};

}  // namespace nvlm::experiments
