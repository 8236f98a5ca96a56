#include "vision/preprocessor.h"

#include <stdexcept>
#include <string>

namespace nvlm::vision {
namespace {

constexpr const char* kPreprocessor = "preprocessor configuration";
constexpr int64_t kBicubic = 3;  // in Pillow's numbering
constexpr int64_t kMaxTileSize = 1 << 14, kMaxTiles = 1 << 10;

std::array<double, 3> three_numbers(const Json& json, const char* key,
                                    const std::array<double, 3>& fallback) {
  const auto values =
      json_get_or(json, key, std::vector<double>(fallback.begin(), fallback.end()), kPreprocessor);
  if (values.size() != 3) {
    throw std::runtime_error(std::string(kPreprocessor) + ": '" + key + "' has " +
                             std::to_string(values.size()) + " entries, expected 3");
  }
  return {values[0], values[1], values[2]};
}

int64_t square_size(const Json& json, const char* key) {
  const Json& value = json.at(key);
  if (!value.is_object()) return json_get<int64_t>(json, key, kPreprocessor);
  if (value.contains("shortest_edge")) {
    return json_get<int64_t>(value, "shortest_edge", kPreprocessor);
  }
  const auto height = json_get<int64_t>(value, "height", kPreprocessor);
  const auto width = json_get<int64_t>(value, "width", kPreprocessor);
  if (height != width) {
    throw std::runtime_error(std::string(kPreprocessor) + ": '" + key + "' is " +
                             std::to_string(height) + " x " + std::to_string(width) +
                             ", expected a square");
  }
  return height;
}

void check_tiling_numbers(const TilingConfig& tiling, const char* where) {
  if (tiling.tile_size < 1 || tiling.tile_size > kMaxTileSize || tiling.min_tiles < 1 ||
      tiling.max_tiles < tiling.min_tiles || tiling.max_tiles > kMaxTiles) {
    throw std::invalid_argument(
        std::string(where) + ": " + std::to_string(tiling.min_tiles) + " to " +
        std::to_string(tiling.max_tiles) + " tiles of " + std::to_string(tiling.tile_size) +
        " pixels, expected 1 <= min <= max <= " + std::to_string(kMaxTiles) + " tiles of 1 to " +
        std::to_string(kMaxTileSize) + " pixels");
  }
}

}  // namespace

PreprocessorConfig preprocessor_config_from_json(const Json& json) {
  PreprocessorConfig config;
  const auto resample = json_get_or(json, "resample", kBicubic, kPreprocessor);
  if (resample != kBicubic) {
    throw std::runtime_error(std::string(kPreprocessor) + ": 'resample' is " +
                             std::to_string(resample) + ", expected 3 (bicubic)");
  }
  if (!json_get_or(json, "do_normalize", true, kPreprocessor)) {
    throw std::runtime_error(std::string(kPreprocessor) +
                             ": 'do_normalize' is false, expected true");
  }
  if (json.contains("size")) {
    config.tiling.tile_size = square_size(json, "size");
  } else if (json.contains("crop_size")) {
    config.tiling.tile_size = square_size(json, "crop_size");
  } else {
    throw std::runtime_error(std::string(kPreprocessor) + ": 'size' is missing");
  }
  config.mean = three_numbers(json, "image_mean", kImageNetMean);
  config.deviation = three_numbers(json, "image_std", kImageNetDeviation);
  for (const double deviation : config.deviation) {
    if (!(deviation > 0)) {
      throw std::runtime_error(std::string(kPreprocessor) +
                               ": 'image_std' expected three numbers above 0");
    }
  }
  config.tiling = tiling_from_model_config(json, config.tiling);
  return config;
}

Json to_json(const PreprocessorConfig& config) {
  return {
      {"crop_size", config.tiling.tile_size},
      {"do_center_crop", true},
      {"do_normalize", true},
      {"do_resize", true},
      {"feature_extractor_type", "CLIPFeatureExtractor"},
      {"image_mean", config.mean},
      {"image_std", config.deviation},
      {"max_dynamic_patch", config.tiling.max_tiles},
      {"min_dynamic_patch", config.tiling.min_tiles},
      {"resample", kBicubic},
      {"size", config.tiling.tile_size},
      {"use_thumbnail", config.tiling.use_thumbnail},
  };
}

TilingConfig tiling_from_model_config(const Json& model_config, TilingConfig tiling) {
  constexpr const char* kWhere = "tiling configuration";
  tiling.tile_size = json_get_or(model_config, "force_image_size", tiling.tile_size, kWhere);
  tiling.min_tiles = json_get_or(model_config, "min_dynamic_patch", tiling.min_tiles, kWhere);
  tiling.max_tiles = json_get_or(model_config, "max_dynamic_patch", tiling.max_tiles, kWhere);
  tiling.use_thumbnail = json_get_or(model_config, "use_thumbnail", tiling.use_thumbnail, kWhere);
  if (!json_get_or(model_config, "dynamic_image_size", true, kWhere)) {
    tiling.min_tiles = tiling.max_tiles = 1;
  }
  check_tiling_numbers(tiling, kWhere);
  return tiling;
}

PreprocessedImage preprocess(const Tensor& image, const PreprocessorConfig& config) {
  const TiledImage cut = cut_tiles(image, config.tiling);
  return {normalise_tiles(cut.tiles, config.mean, config.deviation), cut.layout};
}

}  // namespace nvlm::vision
