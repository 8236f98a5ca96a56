#include "fusion/gated_cross_attention.h"

#include "common/check.h"
#include "common/parameter_scope.h"

namespace nvlm::fusion {
GatedCrossAttentionImpl::GatedCrossAttentionImpl(const GatedCrossAttentionConfig& config)
    : config_(config) {
  const int64_t hidden = config.attention.hidden;
  input_layernorm_ = register_module("input_layernorm", decoder::RmsNorm(hidden, config.norm_eps));
  cross_attn_ = register_module("cross_attn", MemoryAttention(config.attention));
  attention_gate_ =
      register_parameter("cross_attn_attn_gate", new_parameter({1}, config.gate_init));
  post_attention_layernorm_ =
      register_module("post_attention_layernorm", decoder::RmsNorm(hidden, config.norm_eps));
  mlp_ = register_module("mlp", decoder::LlamaMlp(hidden, config.ffn_hidden));
  feed_forward_gate_ =
      register_parameter("cross_attn_mlp_gate", new_parameter({1}, config.gate_init));
}

decoder::MemoryKeysValues GatedCrossAttentionImpl::project_memory(const Tensor& memory) {
  expect_shape(memory, {-1, -1, config_.attention.hidden}, "memory");
  return cross_attn_->project(memory);
}

Tensor GatedCrossAttentionImpl::forward(const Tensor& hidden,
                                        const decoder::MemoryKeysValues& memory,
                                        const Tensor& mask) {
  expect_shape(hidden, {mask.size(0), mask.size(1), config_.attention.hidden}, "hidden");
  expect_shape(mask, {memory.keys.size(0), -1, memory.keys.size(2)}, "mask");
  // A softmax over nothing is NaN: let such rows see everything, then drop what both branches add.
  const Tensor sees_nothing = rows_without_memory(mask);   // [batch, seq, 1]
  const Tensor safe_mask = mask.logical_or(sees_nothing);  // [batch, seq, memory]

  Tensor attended =
      attention_gate_.tanh() * cross_attn_(input_layernorm_(hidden), memory, safe_mask);
  if (!config_.attend_without_memory) attended = attended.masked_fill(sees_nothing, 0);
  const Tensor y = hidden + attended;

  Tensor fed = feed_forward_gate_.tanh() * mlp_(post_attention_layernorm_(y));
  if (!config_.feed_forward_without_memory) fed = fed.masked_fill(sees_nothing, 0);
  return y + fed;
}

Tensor GatedCrossAttentionImpl::probabilities(const Tensor& hidden,
                                              const decoder::MemoryKeysValues& memory,
                                              const Tensor& mask, int64_t num_heads) {
  const Tensor sees_nothing = rows_without_memory(mask);
  const Tensor attended =
      cross_attn_->probabilities(input_layernorm_(hidden), memory, mask.logical_or(sees_nothing),
                                 num_heads > 0 ? num_heads : config_.attention.heads);
  if (config_.attend_without_memory) return attended;
  return attended.masked_fill(sees_nothing.unsqueeze(1), 0);
}

}  // namespace nvlm::fusion
