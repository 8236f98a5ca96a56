// Causal self-attention over real tokens: who may look at whom, the product, and its probabilities.
#pragma once

#include "common/tensor.h"
#include "decoder/kv_cache.h"

namespace nvlm::decoder {

/// Which earlier positions a new position may attend to; the same for all layers of one forward.
struct AttentionMask {
  /// Positions before and including one's own; no mask tensor is needed.
  bool causal = false;
  /// [batch or 1, 1, seq or 1, keys], 0 = may attend, -infinity = may not; undefined: no limit
  /// (beyond `causal`).
  Tensor bias;
};

/// The mask of `seq` new positions; notes them in the cache, if there is one. A padded position
/// sees itself, so that no softmax runs over nothing.
/// attention_mask  [batch, seq], bool, true = real token; undefined: all are
/// options         dtype and device of the activations
/// Waits for the device to look at a defined attention_mask: without padding before a real token
/// the faster kernels without mask serve.
AttentionMask causal_mask(const Tensor& attention_mask, int64_t seq, KvCache* cache,
                          const at::TensorOptions& options);

/// softmax(q k^T / sqrt(head_dim) + mask) v; query head h reads key head h / (heads / kv_heads).
/// query         [batch, heads, seq, head_dim]
/// keys, values  [batch, kv_heads, keys, head_dim]
/// returns       [batch, heads, seq, head_dim]
Tensor causal_attention(const Tensor& query, const Tensor& keys, const Tensor& values,
                        const AttentionMask& mask);

/// The probabilities of causal_attention for the first `num_heads` heads (0 = all), in float32, or
/// double for double.
/// returns  [batch, num_heads, seq, keys]
Tensor attention_probabilities(const Tensor& query, const Tensor& keys, const AttentionMask& mask,
                               int64_t num_heads);

}  // namespace nvlm::decoder
