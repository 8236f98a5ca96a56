// What stands between the matrix products of a training step on the processor, each in one pass
// forward and one backward instead of a chain of tensor operations.
#pragma once

#include <array>
#include <vector>

#include "common/linear.h"
#include "common/tensor.h"
#include "decoder/rotary_embedding.h"

namespace nvlm::decoder {

/// Whether these kernels serve what is computed from `input`: a gradient is recorded, and it is
/// float32 or bfloat16 on the CPU, without autocast or with that to bfloat16.
bool training_kernel_fits(const Tensor& input);

/// rms_norm() of float32 rows. Under autocast the result has its dtype, rounded once, which is what
/// the matrix product that comes next would do.
/// input [..., size] float32, weight [size] float32 -> [..., size]
Tensor trained_rms_norm(const Tensor& input, const Tensor& weight, double epsilon);

/// silu(gate) * up.
/// gate_and_up [..., 2 * width]: the gate's columns, then up's; float32 or bfloat16
/// returns     [..., width]
Tensor trained_swiglu(const Tensor& gate_and_up);

/// Queries, keys and values from one product, the first two rotated.
struct RotatedHeads {
  Tensor query;         // [batch, heads, seq, head_dim]
  Tensor keys, values;  // [batch, kv_heads, seq, head_dim]
};

/// projected  [batch, seq, (heads + 2 * kv_heads) * head_dim], float32 or bfloat16: the columns of
///            the queries, of the keys, of the values
RotatedHeads trained_rotary_heads(const Tensor& projected, const RotaryAngles& angles,
                                  int64_t heads, int64_t kv_heads);

/// Several maps of one input as one product: its gradient is one product, too, instead of a sum.
/// maps     all with a bias or all without; not quantised
/// returns  [..., sum of their outputs]
Tensor joined_linear(const Tensor& input, const std::vector<Linear>& maps);

}  // namespace nvlm::decoder
