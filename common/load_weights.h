// Copies stored weights into a module, with one complete report of everything that does not fit.
#pragma once

#include <torch/nn/module.h>

#include <map>
#include <string>
#include <vector>

#include "common/tensor.h"
#include "common/weight_source.h"

namespace nvlm {

struct LoadOptions {
  /// The stored name of a parameter is prefix + its name in the module. Stored tensors outside the
  /// prefix belong to someone else and are not looked at.
  std::string prefix = {};
  /// Names with one of these suffixes may be missing or unexpected without a word; where stored and
  /// registered they are loaded like any other.
  std::vector<std::string> ignored = {};
  /// Floating-point parameters and buffers have this dtype after loading.
  at::ScalarType dtype = at::kFloat;
};

/// Copies stored tensors into the module's parameters and buffers, converting dtypes and keeping
/// devices. A parameter registered under several names (a tied lm_head) needs only one of them.
/// Every value is read once, and what was read is given back, so that memory beside the module's
/// own stays small. Nothing is copied unless all names, shapes and kinds of dtype fit; values are
/// checked while they are copied, and a module that got bad ones is of no use.
/// throws  std::runtime_error, a line per finding: every missing, unexpected and mis-shaped
///         tensor, and those with NaN or infinite values (also if only after conversion)
void load_weights(torch::nn::Module& module, const WeightSource& store,
                  const LoadOptions& options = {});

/// Parameters and buffers by name, detached, sharing their memory; of a tensor registered under
/// several names only the first is kept.
std::map<std::string, Tensor> state_dict(const torch::nn::Module& module,
                                         const std::string& prefix = "");

}  // namespace nvlm
