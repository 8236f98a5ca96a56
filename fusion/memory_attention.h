// Attention from text to the memory: the inner part of a gated cross-attention block.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include <optional>

#include "common/linear.h"
#include "common/tensor.h"
#include "decoder/cross_attention_stack.h"
#include "decoder/rms_norm.h"

namespace nvlm::fusion {

struct MemoryAttentionConfig {
  int64_t hidden = 0;  // of the decoder, and of the memory
  int64_t heads = 0;
  int64_t kv_heads = 0;  // divides heads
  int64_t head_dim = 0;
  /// Llama 3.2 Vision: each head's queries and keys pass an RMS norm. Absent: they do not.
  std::optional<double> qk_norm_eps = std::nullopt;
};

/// Grouped-query attention without positions and without biases. Named as in Mllama's
/// cross-attention layers.
class MemoryAttentionImpl : public torch::nn::Module {
 public:
  explicit MemoryAttentionImpl(const MemoryAttentionConfig& config);

  /// memory [batch, memory, hidden] -> keys and values [batch, kv_heads, memory, head_dim]
  decoder::MemoryKeysValues project(const Tensor& memory);

  /// What asks the memory's keys.
  /// hidden [batch, seq, hidden] -> [batch, heads, seq, head_dim]
  Tensor queries(const Tensor& hidden);

  /// hidden   [batch, seq, hidden]
  /// mask     [batch, seq, memory], bool, true = may attend; every row needs one true
  /// returns  [batch, seq, hidden]
  Tensor forward(const Tensor& hidden, const decoder::MemoryKeysValues& memory, const Tensor& mask);

  /// What forward() weighs the values with, for attention maps and for guiding attention.
  /// returns  [batch, num_heads, seq, memory] of the first `num_heads` heads, with gradient
  Tensor probabilities(const Tensor& hidden, const decoder::MemoryKeysValues& memory,
                       const Tensor& mask, int64_t num_heads);

 private:
  Tensor split_heads(const Tensor& x, int64_t heads) const;

  MemoryAttentionConfig config_;
  Linear q_proj_{nullptr}, k_proj_{nullptr}, v_proj_{nullptr}, o_proj_{nullptr};
  decoder::RmsNorm q_norm_{nullptr}, k_norm_{nullptr};  // null: none
};
TORCH_MODULE(MemoryAttention);

}  // namespace nvlm::fusion
