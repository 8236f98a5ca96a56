#include "vision/preprocessor.h"

#include <stdexcept>
#include <string>

#include "vision/preprocessor_fields.h"

namespace nvlm::vision {
namespace {

constexpr const char* kPreprocessor = "preprocessor configuration";
constexpr int64_t kBicubic = 3;  // in Pillow's numbering
constexpr int64_t kMaxTileSize = 1 << 14, kMaxTiles = 1 << 10;

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
  config.tiling.tile_size = tile_size_from_json(json, kPreprocessor);
  config.mean = channels_from_json(json, "image_mean", kImageNetMean, kPreprocessor);
  config.deviation = deviation_from_json(json, kImageNetDeviation, kPreprocessor);
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
