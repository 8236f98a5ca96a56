// Which parameters a stage trains, and in which optimiser group each of them falls.
#pragma once

#include <torch/nn/module.h>

#include <map>
#include <string>
#include <vector>

#include "common/tensor.h"

namespace nvlm::experiments {

/// Prefixes are whole parts of a parameter's name: "mlp1" matches "mlp1.0.weight", not
/// "mlp10.weight".
struct FreezePlan {
  std::vector<std::string> trainable;        // empty = everything
  std::map<std::string, double> lr_factors;  // prefix -> factor on the rate; longest prefix wins
};

/// Parameters that share weight decay and rate factor.
struct ParameterGroup {
  bool decay = true;
  double lr_factor = 1.0;
  std::vector<std::string> names;
  std::vector<Tensor> parameters;
};

/// Sets requires_grad on every parameter of `model` (true under a trainable prefix, else false) and
/// returns the trainable ones in groups, in order of registration.
///
/// A tensor that is registered under several names (tied embeddings) appears once, under its first
/// name, and is trainable if any of its names is. Weight decay is left off parameters with at most
/// one dimension larger than 1: norms, biases, gates, class tokens.
///
/// Throws std::invalid_argument if a prefix matches no parameter (the names at the top are listed),
/// a factor is negative, nothing is trainable, or a trainable parameter is not float32 (a half
/// precision forward pass is the trainer's autocast).
std::vector<ParameterGroup> apply_freeze_plan(torch::nn::Module& model, const FreezePlan& plan);

struct ParameterCount {
  int64_t trainable = 0;
  int64_t frozen = 0;
};

/// Elements by the first part of the name, as requires_grad stands; tied tensors count once.
std::map<std::string, ParameterCount> count_parameters(const torch::nn::Module& model);

/// The same over all parts.
ParameterCount count_all_parameters(const torch::nn::Module& model);

}  // namespace nvlm::experiments
