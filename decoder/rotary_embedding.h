// Rotary position embedding (arXiv 2104.09864) in the half-split layout of Hugging Face.
#pragma once

#include "common/tensor.h"
#include "decoder/llama_config.h"

namespace nvlm::decoder {

/// Radians per position of each pair of channels, with Llama 3's scaling where configured.
/// returns  [head_dim / 2], float32 on the CPU
/// source   Llama 3.1: https://github.com/meta-llama/llama-models (apply_scaling)
Tensor rotary_frequencies(const LlamaConfig& config);

/// Cosines and sines of the positions of one forward pass; shared by all layers.
struct RotaryAngles {
  Tensor cos, sin;  // [batch, seq, head_dim / 2], float32
};

/// frequencies   [head_dim / 2], float32
/// position_ids  [batch, seq], int64, on the same device
RotaryAngles rotary_angles(const Tensor& frequencies, const Tensor& position_ids);

/// Rotates channel i together with channel i + head_dim / 2, in float32 for lower dtypes.
/// x        [batch, seq, heads, head_dim]
/// returns  the same shape and dtype
Tensor apply_rotary(const Tensor& x, const RotaryAngles& angles);

}  // namespace nvlm::decoder
