// How an image enters the decoder, as a plain struct and as `fusion_config` in config.json.
#pragma once

#include <vector>

#include "common/json.h"
#include "fusion/flamingo_block.h"
#include "fusion/gated_cross_attention.h"
#include "fusion/perceiver_resampler.h"
#include "fusion/projector.h"
#include "fusion/routing.h"
#include "fusion/tile_tags.h"

namespace nvlm::fusion {

/// What is inside the blocks that read the memory.
enum class BlockKind {
  kLlama,     // Llama's parts in Flamingo's shape, see GatedCrossAttention
  kFlamingo,  // Flamingo's own, see FlamingoBlock; for comparison
};

struct FusionConfig {
  Variant variant = Variant::kDecoder;
  TileTagKind tile_tags = TileTagKind::k1d;
  ProjectorConfig projector;
  /// Whether tags in the memory (H) mark each token of their tile; see remember().
  bool bind_memory_tags = true;
  /// Learned positions added to the tokens of tiles in the memory: one for the thumbnail, one for
  /// each regular tile up to this number; 0 = none. The memory has no order of its own, so without
  /// them tokens at the same place of two tiles differ in their content alone.
  /// chosen: the paper mentions no positions for the memory
  int64_t num_tile_positions = 0;
  /// Used only by variants with a memory. A Flamingo block takes its sizes, gates and rule for rows
  /// without memory from there as well; it has as many key-value heads as heads.
  BlockKind block = BlockKind::kLlama;
  GatedCrossAttentionConfig cross_attention;
  /// Between projector and memory; only where all tiles go to the memory (X), so that every tile
  /// has as many tokens.
  PerceiverResamplerConfig resampler;
  std::vector<int64_t> depths;  // of the cross-attention blocks, see evenly_spaced_depths
};

/// Throws std::invalid_argument naming the field, its value and what is expected.
void validate(const FusionConfig& config);

/// throws  std::runtime_error for a missing or mistyped field, std::invalid_argument as validate()
FusionConfig fusion_config_from_json(const Json& json);

/// The Flamingo block of these sizes.
FlamingoBlockConfig flamingo_block(const GatedCrossAttentionConfig& config);

/// Widths of the resampler: those of the cross-attention blocks that read it.
PerceiverResamplerSizes resampler_sizes(const FusionConfig& config);

/// The same fields; cross-attention only for variants that have it.
Json to_json(const FusionConfig& config);

}  // namespace nvlm::fusion
