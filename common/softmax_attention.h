// Attention for training in bfloat16 on a processor: matrix products, and between them one pass
// over the scores.
#pragma once

#include "common/tensor.h"

namespace nvlm {

/// softmax(query keysᵀ / sqrt(head_dim)) values with a gradient. Scores and probabilities are
/// rounded to bfloat16, the softmax and its gradient are computed in float32.
/// query   [batch, heads, seq, head_dim], bfloat16, on the CPU
/// keys, values  [batch, heads, length, head_dim]
/// causal  a position sees those up to its own; length is seq then
/// returns [batch, heads, seq, head_dim]
Tensor softmax_attention(const Tensor& query, const Tensor& keys, const Tensor& values,
                         bool causal);

}  // namespace nvlm
