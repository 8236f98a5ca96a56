#include "vision/mllama_tiling.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "common/check.h"
#include "vision/preprocessor_fields.h"
#include "vision/resize.h"
#include "vision/tiling.h"

namespace nvlm::vision {
namespace {

constexpr const char* kMllamaPreprocessor = "preprocessor configuration";
constexpr int64_t kBilinear = 2;  // in Pillow's numbering
constexpr int64_t kMaxMllamaTileSize = 1 << 14, kMaxMllamaTiles = 64;

void check_mllama_range(int64_t value, int64_t high, const char* field) {
  if (value >= 1 && value <= high) return;
  throw std::invalid_argument(std::string(kMllamaPreprocessor) + ": " + field + " is " +
                              std::to_string(value) + ", expected 1 to " + std::to_string(high));
}

/// How much a picture may grow, at most, within `grid`; below 1 it shrinks.
double scale_within(int64_t width, int64_t height, const TileGrid& grid, int64_t tile_size) {
  const double by_height = static_cast<double>(grid.rows * tile_size) / static_cast<double>(height);
  const double by_width =
      static_cast<double>(grid.columns * tile_size) / static_cast<double>(width);
  return std::min(by_height, by_width);
}

/// Whether growing (or shrinking) by `scale` is nearer to leaving the picture alone than by `best`.
bool is_better_scale(double scale, double best) {
  if (scale >= 1) return best < 1 || scale < best;
  return best < 1 && scale > best;
}

/// The side that does not decide: scaled, rounded down, within 1..limit.
int64_t scaled_side(int64_t side, double scale, int64_t limit) {
  const auto scaled = static_cast<int64_t>(std::floor(static_cast<double>(side) * scale));
  return std::min(std::max<int64_t>(scaled, 1), limit);
}

}  // namespace

std::vector<TileGrid> mllama_grids(int64_t max_tiles) {
  std::vector<TileGrid> grids;
  for (int64_t rows = 1; rows <= max_tiles; ++rows) {
    for (int64_t columns = 1; rows * columns <= max_tiles; ++columns) {
      grids.push_back({rows, columns});
    }
  }
  return grids;
}

MllamaPreprocessorConfig mllama_preprocessor_config_from_json(const Json& json) {
  MllamaPreprocessorConfig config;
  const auto resample = json_get_or(json, "resample", kBilinear, kMllamaPreprocessor);
  if (resample != kBilinear) {
    throw std::runtime_error(std::string(kMllamaPreprocessor) + ": 'resample' is " +
                             std::to_string(resample) + ", expected 2 (bilinear)");
  }
  for (const char* step : {"do_normalize", "do_pad", "do_rescale", "do_resize"}) {
    if (!json_get_or(json, step, true, kMllamaPreprocessor)) {
      throw std::runtime_error(std::string(kMllamaPreprocessor) + ": '" + step +
                               "' is false, expected true");
    }
  }
  config.tile_size = tile_size_from_json(json, kMllamaPreprocessor);
  config.max_tiles = json_get_or(json, "max_image_tiles", config.max_tiles, kMllamaPreprocessor);
  config.mean = channels_from_json(json, "image_mean", config.mean, kMllamaPreprocessor);
  config.deviation = deviation_from_json(json, config.deviation, kMllamaPreprocessor);
  check_mllama_range(config.tile_size, kMaxMllamaTileSize, "size");
  check_mllama_range(config.max_tiles, kMaxMllamaTiles, "max_image_tiles");
  return config;
}

Json to_json(const MllamaPreprocessorConfig& config) {
  return {{"do_convert_rgb", true},
          {"do_normalize", true},
          {"do_pad", true},
          {"do_rescale", true},
          {"do_resize", true},
          {"image_mean", config.mean},
          {"image_processor_type", "MllamaImageProcessor"},
          {"image_std", config.deviation},
          {"max_image_tiles", config.max_tiles},
          {"resample", kBilinear},
          {"rescale_factor", 1.0 / 255},
          {"size", {{"height", config.tile_size}, {"width", config.tile_size}}}};
}

MllamaPlacement place_mllama_image(int64_t width, int64_t height,
                                   const MllamaPreprocessorConfig& config) {
  if (width < 1 || height < 1) {
    throw std::invalid_argument("mllama tiling: a picture of " + std::to_string(width) + " x " +
                                std::to_string(height) + " pixels, expected at least 1 x 1");
  }
  MllamaPlacement place;
  double best = 0;
  int64_t id = 0;
  for (const TileGrid& grid : mllama_grids(config.max_tiles)) {
    ++id;
    const double scale = scale_within(width, height, grid, config.tile_size);
    const bool is_smaller_equal = scale == best && grid.num_tiles() < place.grid.num_tiles();
    if (!is_better_scale(scale, best) && !is_smaller_equal) continue;
    best = scale;
    place.aspect_ratio_id = id;
    place.grid = grid;
  }
  const int64_t canvas_height = place.grid.rows * config.tile_size;
  const int64_t canvas_width = place.grid.columns * config.tile_size;
  place.height = std::clamp(height, config.tile_size, canvas_height);
  place.width = std::clamp(width, config.tile_size, canvas_width);
  const double by_height = static_cast<double>(place.height) / static_cast<double>(height);
  const double by_width = static_cast<double>(place.width) / static_cast<double>(width);
  if (by_width < by_height) {
    place.height = scaled_side(height, by_width, place.height);
  } else {
    place.width = scaled_side(width, by_height, place.width);
  }
  return place;
}

MllamaImage preprocess_mllama(const Tensor& image, const MllamaPreprocessorConfig& config) {
  expect_dtype(image, at::kByte, "preprocess_mllama: image");
  expect_shape(image, {-1, -1, 3}, "preprocess_mllama: image");
  const MllamaPlacement place = place_mllama_image(image.size(1), image.size(0), config);
  const int64_t rows = place.grid.rows, columns = place.grid.columns, size = config.tile_size;
  Tensor canvas = at::zeros({rows * size, columns * size, 3}, at::kByte);
  canvas.narrow(0, 0, place.height)
      .narrow(1, 0, place.width)
      .copy_(resize_bilinear(image, place.height, place.width));
  const Tensor tiles = canvas.view({rows, size, columns, size, 3})
                           .transpose(1, 2)
                           .reshape({rows * columns, size, size, 3});
  MllamaImage result;
  result.aspect_ratio_id = place.aspect_ratio_id;
  result.num_tiles = place.grid.num_tiles();
  result.pixel_values = at::zeros({config.max_tiles, 3, size, size});
  result.pixel_values.narrow(0, 0, result.num_tiles)
      .copy_(normalise_tiles(tiles, config.mean, config.deviation));
  return result;
}

}  // namespace nvlm::vision
