// Dimensions of Llama 3.2 Vision's encoder, as they stand in Hugging Face's config.json.
#pragma once

#include <cstdint>
#include <vector>

#include "common/json.h"
#include "vision/mllama_tiling.h"

namespace nvlm::vision {

/// The defaults are those of the 11B and 90B Instruct models.
struct MllamaVisionConfig {
  int64_t hidden = 1280;
  int64_t layers = 32;        // local ones
  int64_t global_layers = 8;  // gated, behind them
  int64_t heads = 16;
  int64_t ffn_hidden = 5120;
  int64_t image_size = 560;  // pixels of a tile
  int64_t patch_size = 14;   // pixels
  int64_t max_tiles = 4;
  double norm_eps = 1e-5;  // of the layers
  /// Local layers whose input is part of the output.
  std::vector<int64_t> intermediate_layers = {3, 7, 15, 23, 30};

  int64_t grid() const { return image_size / patch_size; }  // patches a side
  int64_t patches() const { return grid() * grid() + 1; }   // of a tile, with the class token
  /// Tokens of a tile inside the encoder: a multiple of 8, as the kernels it was trained with want.
  int64_t padded_patches() const { return (patches() + 7) / 8 * 8; }
  int64_t num_aspect_ratios() const { return static_cast<int64_t>(mllama_grids(max_tiles).size()); }
  int64_t output_width() const {
    return hidden * (1 + static_cast<int64_t>(intermediate_layers.size()));
  }
};

/// Throws std::invalid_argument naming the field, its value and what is expected.
void validate(const MllamaVisionConfig& config);

/// Reads `vision_config` of an Mllama config.json.
/// throws  std::runtime_error or std::invalid_argument for a missing, mistyped or impossible field,
///         another activation, or aspect ratios in another order than mllama_grids()
MllamaVisionConfig mllama_vision_config_from_json(const Json& json);

/// The same fields.
Json to_json(const MllamaVisionConfig& config);

/// Parameters of the encoder.
int64_t num_parameters(const MllamaVisionConfig& config);

}  // namespace nvlm::vision
