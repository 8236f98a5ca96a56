// Muon: momentum whose singular values are drawn to one before it moves a matrix.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/tensor.h"
#include "experiments/training/freeze_plan.h"

namespace nvlm::experiments {

struct MuonConfig {
  double momentum = 0.95;
  double weight_decay = 0.1;  // of groups with decay
};

/// Approximately U Vᵀ of the singular value decomposition U S Vᵀ of each matrix, by five
/// Newton-Schulz steps of fifth order (singular values end between 0.7 and 1.2).
/// matrices  [..., rows, columns], float32
/// returns   the same shape, float32; the products run in bfloat16 where that is fast
Tensor orthogonalised(const Tensor& matrices);

/// Whether Muon is made for a parameter: a matrix between hidden states, so no embedding, no head,
/// no norm or bias, and no convolution.
bool is_hidden_matrix(const std::string& name, const Tensor& parameter);

/// Nesterov momentum, orthogonalised, at 0.2 sqrt(longer side) so that an update is as large as
/// AdamW's at the same rate. A fused qkv is three matrices.
/// source  Jordan et al., Muon (2024), https://kellerjordan.github.io/posts/muon; scale and weight
///         decay: Liu et al., "Muon is Scalable for LLM Training" (arXiv 2502.16982) §2.2
class Muon {
 public:
  Muon(std::vector<ParameterGroup> groups, const MuonConfig& config);

  /// One update with rate lr * group.lr_factor. Parameters without a gradient are left alone.
  /// divisor  [] float: gradients are divided by it
  /// skip     [] float: 1 leaves every parameter and momentum as it was, 0 updates
  void step(double lr, const Tensor& divisor, const Tensor& skip);

  const std::vector<ParameterGroup>& groups() const { return groups_; }

  /// momentum/<name>, shape of the parameter, float32; the tensors themselves, not copies.
  std::map<std::string, Tensor> state() const;

 private:
  std::vector<ParameterGroup> groups_;
  std::vector<std::vector<Tensor>> momenta_;  // as groups_
  MuonConfig config_;
};

}  // namespace nvlm::experiments
