// One place that chooses the kernel of scaled dot-product attention.
#pragma once

#include <optional>

#include "common/tensor.h"

namespace nvlm {

/// A mask as a term of the scores, faster to add than a mask is to fill.
/// allowed  [...], bool, true = may attend
/// options  dtype and device of the result
/// returns  [...], 0 or minus infinity
Tensor attention_bias(const Tensor& allowed, const at::TensorOptions& options);

/// softmax(query keysᵀ / sqrt(head_dim) + bias) values.
/// query   [batch, heads, seq, head_dim]
/// keys    [batch, kv_heads, length, head_dim]; kv_heads divides heads
/// values  [batch, kv_heads, length, head_dim]
/// mask    bool (true = may attend) or a float bias, broadcast to [batch, heads, seq, length]
/// causal  a position sees those up to its own; only without a mask, and for seq = length
/// returns [batch, heads, seq, head_dim]
///
/// LibTorch's fused kernel, but for training in bfloat16 on a processor, where matrix products and
/// a softmax of their own take half of its time (2.11, AVX512-BF16: 3 heads x 257 x 64, 23 samples,
/// forward and backward 41 ms against 66 ms).
Tensor attention(const Tensor& query, const Tensor& keys, const Tensor& values,
                 const std::optional<Tensor>& mask = std::nullopt, bool causal = false);

}  // namespace nvlm
