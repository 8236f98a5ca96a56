// AdamW in one fused kernel per parameter group, on CPU and CUDA.
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
  /// scale  [] float, on the parameters' device: gradients are divided by it
  /// skip   [] float: 1 leaves every parameter and moment as it was, 0 updates
  void step(double lr, const Tensor& scale, const Tensor& skip);

  const std::vector<ParameterGroup>& groups() const { return groups_; }

  /// exp_avg/<name>, exp_avg_sq/<name> (shape of the parameter, float32), updates/<name> ([]); the
  /// tensors themselves, not copies.
  std::map<std::string, Tensor> state() const;

 private:
  struct Moments {
    std::vector<Tensor> exp_avg, exp_avg_sq, updates;
  };

  std::vector<ParameterGroup> groups_;
  std::vector<Moments> moments_;  // one per group
  AdamWConfig config_;
};

}  // namespace nvlm::experiments
