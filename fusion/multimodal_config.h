// A whole model: encoder, fusion, decoder, and how its prompts are written.
#pragma once

#include <string>

#include "common/json.h"
#include "decoder/llama_config.h"
#include "fusion/fusion_config.h"
#include "fusion/prompt.h"
#include "vision/preprocessor.h"
#include "vision/vision_config.h"

namespace nvlm::fusion {

struct MultimodalConfig {
  vision::VisionConfig vision;
  vision::PreprocessorConfig preprocessor;
  decoder::LlamaConfig decoder;
  FusionConfig fusion;
  std::string prompt_template = "nvlm_lab";  // see prompt_format()

  /// Tokens of a tile after the 2x2 pixel shuffle (a resampler may make fewer of them).
  int64_t tile_tokens() const {
    const int64_t side = preprocessor.tiling.tile_size / vision.patch_size / 2;
    return side * side;
  }
  /// How prompts for this model are written.
  PromptConfig prompt() const;
};

/// A lab model in which variants differ in nothing but the routing: the same two-layer projector,
/// as wide inside as the decoder's feed-forward, and cross-attention blocks with the decoder's
/// heads and widths, one after every `every` decoder layers. The tile size is the encoder's image
/// size.
MultimodalConfig lab_model(Variant variant, const vision::VisionConfig& vision,
                           const decoder::LlamaConfig& decoder, int64_t every);

/// Throws std::invalid_argument where the parts do not fit together.
void validate(const MultimodalConfig& config);

/// Reads config.json of a lab model, of NVLM-D or of InternVL 2.5 in its original or its native
/// layout (the published ones have no fusion_config; what it would say follows from the
/// architecture).
/// throws  std::runtime_error or std::invalid_argument for a missing, mistyped or impossible field
MultimodalConfig multimodal_config_from_json(const Json& json);

/// Takes over `nvlm_lab` of a config.json where it stands there: the fusion_config and the template
/// of a model of ours in a published layout (export_internvl), which the family's code does not
/// look at. A fusion_config at the top would not do, as transformers has a meaning of its own for
/// it. throws  as fusion_config_from_json
void read_lab_entry(const Json& json, MultimodalConfig& config);
/// The inverse.
void write_lab_entry(const MultimodalConfig& config, Json& json);

/// config.json in the layout of NVLM-D, with model_type "nvlm_lab" and a fusion_config.
Json to_json(const MultimodalConfig& config);

}  // namespace nvlm::fusion
