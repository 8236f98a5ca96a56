// Sizes of the lab models: small enough for two cores, built like the large ones.
#pragma once

#include <cstdint>

#include "decoder/llama_config.h"
#include "fusion/multimodal_config.h"
#include "vision/tiling.h"
#include "vision/vision_config.h"

namespace nvlm {
class ConfigSchema;
}

namespace nvlm::experiments {

/// What a recipe may change about a lab model.
struct LabModelConfig {
  LabModelConfig();

  vision::VisionConfig vision;
  vision::TilingConfig tiling;  // tile_size follows vision.image_size
  decoder::LlamaConfig decoder;
  fusion::Variant variant = fusion::Variant::kDecoder;
  fusion::TileTagKind tile_tags = fusion::TileTagKind::k1d;
  /// chosen: blocks stand early, so that later layers can turn what was read into text; the paper's
  /// "one after every n layers" needs a deeper decoder than the lab's to say the same.
  int64_t first_block_depth = 1, num_blocks = 2, block_spacing = 1;
  /// chosen: open from the start. The paper's decoder must not be disturbed while the blocks learn;
  /// the lab's decoder knows nothing yet, and closed gates only delay the memory path.
  double gate_init = 0.5;
  fusion::BlockKind block = fusion::BlockKind::kLlama;
  int64_t num_tile_positions = 12;  // see FusionConfig
  fusion::PerceiverResamplerConfig resampler;
  /// Inner widths of the projector and of the blocks; 0 = the decoder's feed-forward.
  int64_t projector_hidden = 0, block_ffn_hidden = 0;
};

/// Registers `vision.*`, `tiling.*`, `decoder.*` and `fusion.*`.
void register_options(ConfigSchema& schema, LabModelConfig& config);

/// The whole model, its parts as `config` says.
fusion::MultimodalConfig multimodal_config(const LabModelConfig& config);

}  // namespace nvlm::experiments
