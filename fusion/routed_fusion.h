// NVLM-D, NVLM-X and NVLM-H: two routes into the decoder, and the prompt says who takes which.
#pragma once

#include "common/linear.h"
#include "fusion/fusion_config.h"
#include "fusion/fusion_module.h"
#include "fusion/gated_cross_attention_stack.h"
#include "fusion/perceiver_resampler.h"
#include "fusion/projector.h"

namespace nvlm::fusion {

/// One projector ("mlp1") for all tiles; the inline ones are spliced into the sequence, the others
/// remembered beside it and read by gated cross-attention ("cross_attention", only in variants with
/// a memory). A perceiver resampler between projector and memory, where configured, is "resampler".
/// Learned tile positions, where configured, are "tile_positions".
/// source  NVLM (arXiv 2409.11402) §4.2
class RoutedFusion : public FusionModule {
 public:
  explicit RoutedFusion(const FusionConfig& config);

  decoder::DecoderInputs forward(const PromptBatch& prompts, const vision::TileFeatures& features,
                                 const TokenEmbedder& embed) override;

 private:
  /// The memory's tiles with their positions added; tokens [tiles, tile_tokens, hidden].
  vision::TileFeatures positioned(vision::TileFeatures tiles);

  Projector projector_{nullptr};
  PerceiverResampler resampler_{nullptr};     // null: tiles keep their tokens
  GatedCrossAttentionStack blocks_{nullptr};  // null: all tiles are inline
  Embedding tile_positions_{nullptr};         // null: none; row 0 is the thumbnail's
  bool bind_memory_tags_;
};

}  // namespace nvlm::fusion
