#include "fusion/memory_attention.h"

#include <cmath>
#include <limits>

#include "common/attention.h"

namespace nvlm::fusion {

MemoryAttentionImpl::MemoryAttentionImpl(const MemoryAttentionConfig& config) : config_(config) {
  const auto linear = [this](const char* name, int64_t in, int64_t out) {
    return register_module(name, Linear(in, out, /*has_bias=*/false));
  };
  q_proj_ = linear("q_proj", config.hidden, config.heads * config.head_dim);
  k_proj_ = linear("k_proj", config.hidden, config.kv_heads * config.head_dim);
  v_proj_ = linear("v_proj", config.hidden, config.kv_heads * config.head_dim);
  o_proj_ = linear("o_proj", config.heads * config.head_dim, config.hidden);
  if (config.qk_norm_eps) {
    q_norm_ = register_module("q_norm", decoder::RmsNorm(config.head_dim, *config.qk_norm_eps));
    k_norm_ = register_module("k_norm", decoder::RmsNorm(config.head_dim, *config.qk_norm_eps));
  }
}

Tensor MemoryAttentionImpl::split_heads(const Tensor& x, int64_t heads) const {
  return x.view({x.size(0), x.size(1), heads, config_.head_dim})
      .transpose(1, 2);  // [batch, heads, length, head_dim]
}

decoder::MemoryKeysValues MemoryAttentionImpl::project(const Tensor& memory) {
  Tensor keys = split_heads(k_proj_(memory), config_.kv_heads);
  if (k_norm_) keys = k_norm_(keys);
  return {keys, split_heads(v_proj_(memory), config_.kv_heads)};
}

Tensor MemoryAttentionImpl::queries(const Tensor& hidden) {
  const Tensor projected = split_heads(q_proj_(hidden), config_.heads);
  return q_norm_ ? q_norm_(projected) : projected;
}

Tensor MemoryAttentionImpl::forward(const Tensor& hidden, const decoder::MemoryKeysValues& memory,
                                    const Tensor& mask) {
  const Tensor attended = attention(queries(hidden), memory.keys, memory.values,
                                    mask.unsqueeze(1));  // [batch, heads, seq, head_dim]
  return o_proj_(attended.transpose(1, 2).flatten(2));   // [batch, seq, hidden]
}

Tensor MemoryAttentionImpl::probabilities(const Tensor& hidden,
                                          const decoder::MemoryKeysValues& memory,
                                          const Tensor& mask, int64_t num_heads) {
  const Tensor wanted = queries(hidden).narrow(1, 0, num_heads);
  const Tensor keys = memory.keys.repeat_interleave(config_.heads / config_.kv_heads, /*dim=*/1)
                          .narrow(1, 0, num_heads);  // [batch, num_heads, memory, head_dim]
  const double scale = 1.0 / std::sqrt(static_cast<double>(config_.head_dim));
  return (wanted.matmul(keys.transpose(2, 3)) * scale)
      .masked_fill(mask.unsqueeze(1).logical_not(), -std::numeric_limits<double>::infinity())
      .softmax(-1);  // [batch, num_heads, seq, memory]
}

}  // namespace nvlm::fusion
