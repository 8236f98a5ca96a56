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

/// A number, or the list of a height and a width that are equal.
int64_t square_side(const Json& json, const char* field, int64_t fallback) {
  const Json value = json_get_or<Json>(json, field, Json(fallback), kWhere);
  if (!value.is_array()) return json_get_or(json, field, fallback, kWhere);
  const auto sides = json_get<std::vector<int64_t>>(json, field, kWhere);
  check_field(sides.size() == 2 && sides[0] == sides[1], field, value.dump(),
              "a number, or two that are equal");
  return sides[0];
}

/// What both spellings of the configuration must say of the encoder.
void check_activation_and_channels(const Json& json) {
  const std::string activation = json_get_or(json, "hidden_act", "gelu", kWhere);
  check_field(activation == "gelu", "hidden_act", "'" + activation + "'", "'gelu'");
  check_range(json_get_or(json, "num_channels", int64_t{3}, kWhere), 3, 3, "num_channels");
}

/// The native port's q/k norm does not take the configuration's epsilon.
void check_native_qk_norm(const VisionConfig& config) {
  check_field(!config.qk_normalization || config.norm_eps == 1e-6, "layer_norm_eps",
              std::to_string(config.norm_eps), "1e-6, as the q/k norm of the native layout has");
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
  check_range(config.stem_channels, 0, 1 << 10, "stem_channels");
  const bool is_power_of_two = (config.patch_size & (config.patch_size - 1)) == 0;
  check_field(config.stem_channels == 0 || (config.patch_size >= 4 && is_power_of_two),
              "patch_size", std::to_string(config.patch_size),
              "a power of two from 4 on, as there is a convolutional stem");
  check_field(config.hidden % config.heads == 0, "hidden_size", std::to_string(config.hidden),
              "a multiple of num_attention_heads");
  check_field(config.image_size % config.patch_size == 0, "image_size",
              std::to_string(config.image_size), "a multiple of patch_size");
  check_field(config.norm_eps > 0 && config.norm_eps < 1, "layer_norm_eps",
              std::to_string(config.norm_eps), "a number between 0 and 1");
  check_field(config.initializer_factor >= -1e6 && config.initializer_factor <= 1e6,
              "initializer_factor", std::to_string(config.initializer_factor), "a finite number");
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
  config.stem_channels = json_get_or(json, "stem_channels", int64_t{0}, kWhere);
  check_activation_and_channels(json);
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
  if (config.stem_channels > 0) json["stem_channels"] = config.stem_channels;
  return json;
}

VisionConfig vision_config_from_native_json(const Json& json) {
  VisionConfig config;
  config.hidden = json_get_or(json, "hidden_size", int64_t{1024}, kWhere);
  config.layers = json_get_or(json, "num_hidden_layers", int64_t{24}, kWhere);
  config.heads = json_get_or(json, "num_attention_heads", int64_t{16}, kWhere);
  config.ffn_hidden = json_get_or(json, "intermediate_size", int64_t{4096}, kWhere);
  config.image_size = square_side(json, "image_size", 448);
  config.patch_size = square_side(json, "patch_size", 14);
  config.norm = norm_from_name(json_get_or(json, "norm_type", "layer_norm", kWhere));
  config.qkv_bias = json_get_or(json, "attention_bias", false, kWhere);
  config.qk_normalization = json_get_or(json, "use_qk_norm", false, kWhere);
  config.norm_eps = json_get_or(json, "layer_norm_eps", 1e-6, kWhere);
  config.initializer_factor = json_get_or(json, "layer_scale_init_value", 0.1, kWhere);
  check_activation_and_channels(json);
  for (const char* field : {"use_mean_pooling", "use_absolute_position_embeddings"}) {
    check_field(json_get_or(json, field, true, kWhere), field, "false", "true");
  }
  check_native_qk_norm(config);
  validate(config);
  return config;
}

Json to_native_json(const VisionConfig& config) {
  check_range(config.dummy_heads, 0, 0, "num_dummy_heads of the native layout");
  check_range(config.stem_channels, 0, 0, "stem_channels of the native layout");
  check_native_qk_norm(config);
  return {
      {"architectures", {"InternVLVisionModel"}},
      {"attention_bias", config.qkv_bias},
      {"attention_dropout", 0.0},
      {"hidden_act", "gelu"},
      {"hidden_dropout_prob", 0.0},
      {"hidden_size", config.hidden},
      {"image_size", {config.image_size, config.image_size}},
      {"initializer_range", 0.02},
      {"intermediate_size", config.ffn_hidden},
      {"layer_norm_eps", config.norm_eps},
      {"layer_scale_init_value", config.initializer_factor},
      {"model_type", "internvl_vision"},
      {"norm_type", config.norm == NormKind::kLayerNorm ? "layer_norm" : "rms_norm"},
      {"num_attention_heads", config.heads},
      {"num_channels", 3},
      {"num_hidden_layers", config.layers},
      {"patch_size", {config.patch_size, config.patch_size}},
      {"projection_dropout", 0.0},
      {"use_absolute_position_embeddings", true},
      {"use_mask_token", false},
      {"use_mean_pooling", true},
      {"use_qk_norm", config.qk_normalization},
  };
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
