#include "vision/vision_config.h"

#include <stdexcept>

namespace nvlm::vision {
namespace {

constexpr const char* kWhere = "vision configuration";

void check_field(bool good, const char* field, const std::string& value, const char* expected) {
  if (good) return;
  throw std::invalid_argument(std::string(kWhere) + ": " + field + " is " + value + ", expected " +
                              expected);
}

void check_range(int64_t value, int64_t low, int64_t high, const char* field) {
  if (value >= low && value <= high) return;
  throw std::invalid_argument(std::string(kWhere) + ": " + field + " is " + std::to_string(value) +
                              ", expected " + std::to_string(low) + " to " + std::to_string(high));
}

NormKind norm_from_name(const std::string& norm) {
  if (norm == "layer_norm") return NormKind::kLayerNorm;
  if (norm == "rms_norm") return NormKind::kRmsNorm;
  throw std::invalid_argument(std::string(kWhere) + ": norm_type is '" + norm +
                              "', expected 'layer_norm' or 'rms_norm'");
}

}  // namespace

void validate(const VisionConfig& config) {
  // The upper bounds are far above any encoder; they keep a damaged file from asking for terabytes.
  check_range(config.hidden, 1, 1 << 16, "hidden_size");
  check_range(config.layers, 1, 1 << 10, "num_hidden_layers");
  check_range(config.heads, 1, 1 << 10, "num_attention_heads");
  check_range(config.ffn_hidden, 1, 1 << 18, "intermediate_size");
  check_range(config.image_size, 1, 1 << 14, "image_size");
  check_range(config.patch_size, 1, 1 << 10, "patch_size");
  check_range(config.dummy_heads, 0, 1 << 10, "num_dummy_heads");
  check_field(config.hidden % config.heads == 0, "hidden_size", std::to_string(config.hidden),
              "a multiple of num_attention_heads");
  check_field(config.image_size % config.patch_size == 0, "image_size",
              std::to_string(config.image_size), "a multiple of patch_size");
  check_field(config.norm_eps > 0 && config.norm_eps < 1, "layer_norm_eps",
              std::to_string(config.norm_eps), "a number between 0 and 1");
  check_field(config.initializer_factor >= -1e6 && config.initializer_factor <= 1e6,
              "initializer_factor", std::to_string(config.initializer_factor), "a finite number");
}

int64_t num_parameters(const VisionConfig& config) {
  const int64_t hidden = config.hidden, width = config.attention_width();
  const int64_t norm = config.norm == NormKind::kLayerNorm ? 2 * hidden : hidden;
  const int64_t attention = 3 * width * (hidden + config.qkv_bias) + (width + 1) * hidden +
                            (config.qk_normalization ? 2 * width : 0);
  const int64_t mlp = (hidden + 1) * config.ffn_hidden + (config.ffn_hidden + 1) * hidden;
  const int64_t layer = 2 * norm + attention + mlp + /*layer scales=*/2 * hidden;
  const int64_t patch = (3 * config.patch_size * config.patch_size + 1) * hidden;
  const int64_t positions = (1 + config.patches()) * hidden;
  return patch + positions + /*class token=*/hidden + config.layers * layer;
}

VisionConfig vision_config_from_json(const Json& json) {
  VisionConfig config;
  config.hidden = json_get<int64_t>(json, "hidden_size", kWhere);
  config.layers = json_get<int64_t>(json, "num_hidden_layers", kWhere);
  config.heads = json_get<int64_t>(json, "num_attention_heads", kWhere);
  config.ffn_hidden = json_get<int64_t>(json, "intermediate_size", kWhere);
  config.image_size = json_get<int64_t>(json, "image_size", kWhere);
  config.patch_size = json_get<int64_t>(json, "patch_size", kWhere);
  config.norm = norm_from_name(json_get<std::string>(json, "norm_type", kWhere));
  config.qkv_bias = json_get_or(json, "qkv_bias", false, kWhere);
  config.qk_normalization = json_get_or(json, "qk_normalization", true, kWhere);
  config.norm_eps = json_get_or(json, "layer_norm_eps", 1e-6, kWhere);
  config.initializer_factor = json_get_or(json, "initializer_factor", 0.1, kWhere);
  config.dummy_heads = json_get_or(json, "num_dummy_heads", int64_t{0}, kWhere);
  const std::string activation = json_get_or(json, "hidden_act", "gelu", kWhere);
  check_field(activation == "gelu", "hidden_act", "'" + activation + "'", "'gelu'");
  check_range(json_get_or(json, "num_channels", int64_t{3}, kWhere), 3, 3, "num_channels");
  validate(config);
  return config;
}

Json to_json(const VisionConfig& config) {
  Json json = {
      {"architectures", {"InternVisionModel"}},
      {"attention_dropout", 0.0},
      {"drop_path_rate", 0.0},
      {"dropout", 0.0},
      {"hidden_act", "gelu"},
      {"hidden_size", config.hidden},
      {"image_size", config.image_size},
      {"initializer_factor", config.initializer_factor},
      {"initializer_range", 0.02},
      {"intermediate_size", config.ffn_hidden},
      {"layer_norm_eps", config.norm_eps},
      {"model_type", "intern_vit_6b"},  // whatever the size
      {"norm_type", config.norm == NormKind::kLayerNorm ? "layer_norm" : "rms_norm"},
      {"num_attention_heads", config.heads},
      {"num_channels", 3},
      {"num_hidden_layers", config.layers},
      {"patch_size", config.patch_size},
      {"qk_normalization", config.qk_normalization},
      {"qkv_bias", config.qkv_bias},
      {"torch_dtype", "float32"},
      {"use_flash_attn", true},
  };
  if (config.dummy_heads > 0) json["num_dummy_heads"] = config.dummy_heads;
  return json;
}

VisionConfig with_stored_heads(VisionConfig config, const WeightStore& weights,
                               const std::string& prefix) {
  const std::string name = prefix + "encoder.layers.0.attn.qkv.weight";
  if (!weights.contains(name)) return config;  // load_weights reports what is missing
  const std::vector<int64_t> shape = weights.entry(name).shape;
  const int64_t rows_per_head = 3 * config.head_dim();
  const int64_t rows = shape.empty() ? 0 : shape.front();
  if (rows % rows_per_head != 0 || rows / rows_per_head < config.heads) {
    throw std::runtime_error("vision.checkpoint: '" + name + "' has " + std::to_string(rows) +
                             " rows, expected a multiple of " + std::to_string(rows_per_head) +
                             " and at least " + std::to_string(3 * config.hidden));
  }
  config.dummy_heads = rows / rows_per_head - config.heads;
  validate(config);
  return config;
}

}  // namespace nvlm::vision
