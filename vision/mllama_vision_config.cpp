#include "vision/mllama_vision_config.h"

#include <stdexcept>
#include <string>

namespace nvlm::vision {
namespace {

constexpr const char* kMllamaVisionWhere = "vision_config";

void require_mllama(bool fine, const char* field, const std::string& value,
                    const std::string& expected) {
  if (fine) return;
  throw std::invalid_argument(std::string(kMllamaVisionWhere) + ": " + field + " is " + value +
                              ", expected " + expected);
}

void require_mllama_range(int64_t value, int64_t low, int64_t high, const char* field) {
  require_mllama(value >= low && value <= high, field, std::to_string(value),
                 std::to_string(low) + " to " + std::to_string(high));
}

Json grids_json(const std::vector<TileGrid>& grids) {
  Json json = Json::array();
  for (const TileGrid& grid : grids) json.push_back({grid.rows, grid.columns});
  return json;
}

}  // namespace

void validate(const MllamaVisionConfig& config) {
  // The upper bounds are far above any encoder; they keep a damaged file from asking for terabytes.
  require_mllama_range(config.hidden, 1, 1 << 16, "hidden_size");
  require_mllama_range(config.layers, 1, 1 << 10, "num_hidden_layers");
  require_mllama_range(config.global_layers, 0, 1 << 10, "num_global_layers");
  require_mllama_range(config.heads, 1, 1 << 10, "attention_heads");
  require_mllama_range(config.ffn_hidden, 1, 1 << 18, "intermediate_size");
  require_mllama_range(config.image_size, 1, 1 << 14, "image_size");
  require_mllama_range(config.patch_size, 1, 1 << 10, "patch_size");
  require_mllama_range(config.max_tiles, 1, 64, "max_num_tiles");
  require_mllama(config.hidden % config.heads == 0, "hidden_size", std::to_string(config.hidden),
                 "a multiple of attention_heads " + std::to_string(config.heads));
  require_mllama(config.image_size % config.patch_size == 0, "image_size",
                 std::to_string(config.image_size),
                 "a multiple of patch_size " + std::to_string(config.patch_size));
  require_mllama(config.norm_eps > 0 && config.norm_eps < 1, "norm_eps",
                 std::to_string(config.norm_eps), "a number between 0 and 1");
  require_mllama_range(static_cast<int64_t>(config.intermediate_layers.size()), 0, config.layers,
                       "the length of intermediate_layers_indices");
  int64_t lowest = 0;
  for (const int64_t layer : config.intermediate_layers) {
    require_mllama(layer >= lowest && layer < config.layers,
                   "an entry of intermediate_layers_indices", std::to_string(layer),
                   "rising numbers of the " + std::to_string(config.layers) + " layers");
    lowest = layer + 1;
  }
}

MllamaVisionConfig mllama_vision_config_from_json(const Json& json) {
  constexpr const char* kWhere = kMllamaVisionWhere;
  MllamaVisionConfig config;
  config.hidden = json_get<int64_t>(json, "hidden_size", kWhere);
  config.layers = json_get<int64_t>(json, "num_hidden_layers", kWhere);
  config.global_layers = json_get<int64_t>(json, "num_global_layers", kWhere);
  config.heads = json_get<int64_t>(json, "attention_heads", kWhere);
  config.ffn_hidden = json_get<int64_t>(json, "intermediate_size", kWhere);
  config.image_size = json_get<int64_t>(json, "image_size", kWhere);
  config.patch_size = json_get<int64_t>(json, "patch_size", kWhere);
  config.max_tiles = json_get_or(json, "max_num_tiles", config.max_tiles, kWhere);
  config.norm_eps = json_get_or(json, "norm_eps", config.norm_eps, kWhere);
  config.intermediate_layers =
      json_get_or(json, "intermediate_layers_indices", config.intermediate_layers, kWhere);
  const std::string activation = json_get_or(json, "hidden_act", "gelu", kWhere);
  require_mllama(activation == "gelu", "hidden_act", "'" + activation + "'", "'gelu'");
  require_mllama_range(json_get_or(json, "num_channels", int64_t{3}, kWhere), 3, 3, "num_channels");
  validate(config);
  const auto width = json_get_or(json, "vision_output_dim", config.output_width(), kWhere);
  require_mllama(width == config.output_width(), "vision_output_dim", std::to_string(width),
                 std::to_string(config.output_width()) +
                     ", the hidden size for the last layer and each intermediate one");
  const Json grids = grids_json(mllama_grids(config.max_tiles));
  const Json stored = json_get_or(json, "supported_aspect_ratios", grids, kWhere);
  require_mllama(stored == grids, "supported_aspect_ratios", stored.dump(), grids.dump());
  return config;
}

Json to_json(const MllamaVisionConfig& config) {
  return {{"model_type", "mllama_vision_model"},
          {"hidden_act", "gelu"},
          {"hidden_size", config.hidden},
          {"num_hidden_layers", config.layers},
          {"num_global_layers", config.global_layers},
          {"attention_heads", config.heads},
          {"intermediate_size", config.ffn_hidden},
          {"image_size", config.image_size},
          {"patch_size", config.patch_size},
          {"num_channels", 3},
          {"max_num_tiles", config.max_tiles},
          {"norm_eps", config.norm_eps},
          {"intermediate_layers_indices", config.intermediate_layers},
          {"supported_aspect_ratios", grids_json(mllama_grids(config.max_tiles))},
          {"vision_output_dim", config.output_width()}};
}

int64_t num_parameters(const MllamaVisionConfig& config) {
  const int64_t hidden = config.hidden, patches = config.patches();
  const int64_t rows = config.num_aspect_ratios() + 1;  // id 0 is no picture
  const int64_t norms = 4 * hidden;
  const int64_t mlp = 2 * hidden * config.ffn_hidden + config.ffn_hidden + hidden;
  const int64_t layer = 4 * hidden * hidden + mlp + norms;
  const int64_t patch_embedding = 3 * config.patch_size * config.patch_size * hidden;
  const int64_t positions = patches * hidden * (1 + rows * config.max_tiles) + 1;
  const int64_t tile_positions = 2 * (rows * config.max_tiles * hidden + 1);  // before and after
  return config.layers * layer + config.global_layers * (layer + 2) + hidden + patch_embedding +
         positions + tile_positions + norms;
}

}  // namespace nvlm::vision
