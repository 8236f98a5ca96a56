// Floating-point operations of the matrix products of each part: two for each product of two
// numbers. Norms, activations and the softmax are left out.
#pragma once

#include <cstdint>

#include "decoder/llama_config.h"
#include "fusion/fusion_config.h"
#include "vision/vision_config.h"

namespace nvlm::experiments {

/// A decoder over `tokens` new positions without a cache, causal attention counted as half a
/// square; logits of the last position only.
double prefill_flops(const decoder::LlamaConfig& config, int64_t tokens);

/// The encoder over `tiles` tiles of its configured size.
double encode_flops(const vision::VisionConfig& config, int64_t tiles);

/// The projector over `tile_tokens` tokens.
double projector_flops(const fusion::ProjectorConfig& config, int64_t tile_tokens);

/// One cross-attention block: `tokens` positions read `memory` tokens, keys and values included.
double cross_attention_flops(const fusion::FusionConfig& config, int64_t tokens, int64_t memory);

}  // namespace nvlm::experiments
