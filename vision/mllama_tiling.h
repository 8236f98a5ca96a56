// Llama 3.2 Vision's pictures: resized with their aspect ratio, padded to a grid of tiles, cut.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "common/json.h"
#include "common/tensor.h"

namespace nvlm::vision {

/// Tiles of one picture.
struct TileGrid {
  int64_t rows = 1, columns = 1;

  int64_t num_tiles() const { return rows * columns; }
  bool operator==(const TileGrid&) const = default;
};

/// All grids of at most `max_tiles` tiles, by rows, then columns: the order of aspect ratio ids.
std::vector<TileGrid> mllama_grids(int64_t max_tiles);

/// The means and deviations of CLIP's red, green and blue, in 0..1.
inline constexpr std::array<double, 3> kClipMean{0.48145466, 0.4578275, 0.40821073};
inline constexpr std::array<double, 3> kClipDeviation{0.26862954, 0.26130258, 0.27577711};

struct MllamaPreprocessorConfig {
  int64_t tile_size = 560;  // pixels
  int64_t max_tiles = 4;
  std::array<double, 3> mean = kClipMean;            // of values in 0..1
  std::array<double, 3> deviation = kClipDeviation;  // of values in 0..1
};

/// Reads preprocessor_config.json of an MllamaImageProcessor.
/// throws  std::runtime_error or std::invalid_argument for a missing, mistyped or impossible field,
///         for a resampling that is not bilinear and for a step that is switched off
MllamaPreprocessorConfig mllama_preprocessor_config_from_json(const Json& json);

/// The same fields, for preprocessor_config.json.
Json to_json(const MllamaPreprocessorConfig& config);

/// Where a picture goes: the grid, and the size it is resized to in the grid's upper left corner.
struct MllamaPlacement {
  int64_t aspect_ratio_id = 1;  // 1 + index in mllama_grids(); 0 stands for no picture
  TileGrid grid;
  int64_t height = 0, width = 0;  // pixels
};

/// Picks the grid that enlarges the picture least; where all would shrink it, the one that shrinks
/// it least; of equals the smallest. A picture smaller than a tile grows to touch two of its edges.
/// width, height  pixels
/// throws  std::invalid_argument for a picture without pixels
/// source  transformers, get_optimal_tiled_canvas and get_image_size_fit_to_canvas (Llama 3.2's own
///         image_transform.py decides alike)
MllamaPlacement place_mllama_image(int64_t width, int64_t height,
                                   const MllamaPreprocessorConfig& config);

/// A picture, ready for the encoder.
struct MllamaImage {
  Tensor pixel_values;  // float32 [max_tiles, 3, tile_size, tile_size]; unused tiles are 0
  int64_t aspect_ratio_id = 0;
  int64_t num_tiles = 1;  // used ones, row-major, first
};

/// Resizes (antialiased bilinear), pads with black to the right and below, normalises, cuts.
/// image: uint8 [height, width, 3]
MllamaImage preprocess_mllama(const Tensor& image, const MllamaPreprocessorConfig& config);

}  // namespace nvlm::vision
