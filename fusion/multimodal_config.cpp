#include "fusion/multimodal_config.h"

#include <stdexcept>

#include "fusion/gated_cross_attention_stack.h"
#include "fusion/internvl_native.h"

namespace nvlm::fusion {
namespace {

constexpr const char* kConfigWhere = "config.json";
constexpr const char* kLabEntry = "nvlm_lab";

void check_fits(int64_t value, int64_t expected, const char* field, const char* what) {
  if (value == expected) return;
  throw std::invalid_argument(std::string(kConfigWhere) + ": " + field + " is " +
                              std::to_string(value) + ", expected " + std::to_string(expected) +
                              ", " + what);
}

std::string architecture_name(Variant variant) {
  switch (variant) {
    case Variant::kDecoder:
      return "NVLM_D";
    case Variant::kCrossAttention:
      return "NVLM_X";
    case Variant::kHybrid:
      return "NVLM_H";
    case Variant::kReversed:
      return "NVLM_Reversed";
  }
  TORCH_INTERNAL_ASSERT(false, "no such variant");
}

/// The first of `architectures`.
/// throws  std::runtime_error if without a fusion_config it is neither of the published inline ones
std::string checked_architecture(const Json& json) {
  const auto names = json_get_or<std::vector<std::string>>(json, "architectures", {}, kConfigWhere);
  const std::string architecture = names.empty() ? "" : names.front();
  if (json.contains("fusion_config") || architecture == "NVLM_D" ||
      architecture == "InternVLChatModel") {
    return architecture;
  }
  throw std::runtime_error(std::string(kConfigWhere) + ": architecture '" + architecture +
                           "' without a fusion_config, expected NVLM_D, InternVLChatModel or "
                           "InternVLForConditionalGeneration");
}

/// What the published inline models leave unsaid.
FusionConfig published_fusion(const std::string& architecture, const vision::VisionConfig& vision,
                              const decoder::LlamaConfig& decoder) {
  FusionConfig fusion;
  fusion.projector.input = 4 * vision.hidden;
  fusion.projector.output = decoder.hidden;
  if (architecture == "NVLM_D") {
    fusion.projector.hidden = decoder.ffn_hidden;
    fusion.projector.bias = false;
  } else {  // InternVLChatModel
    fusion.tile_tags = TileTagKind::kNone;
    fusion.projector.hidden = decoder.hidden;
  }
  return fusion;
}

/// Features are always the last layer's, shuffled 2x2 in the order of version 2.
void check_features(const Json& json) {
  const auto ratio = json_get_or(json, "downsample_ratio", 0.5, kConfigWhere);
  const auto version = json_get_or(json, "ps_version", "v2", kConfigWhere);
  const auto layer = json_get_or(json, "select_layer", int64_t{-1}, kConfigWhere);
  if (ratio == 0.5 && version == "v2" && layer == -1) return;
  throw std::invalid_argument(
      std::string(kConfigWhere) + ": downsample_ratio " + std::to_string(ratio) + ", ps_version " +
      version + ", select_layer " + std::to_string(layer) + ", expected 0.5, v2 and -1");
}

}  // namespace

PromptConfig MultimodalConfig::prompt() const {
  const int64_t latents = fusion.resampler.latents;
  return {routing(fusion.variant), fusion.tile_tags, latents > 0 ? latents : tile_tokens(),
          prompt_format(prompt_template)};
}

MultimodalConfig lab_model(Variant variant, const vision::VisionConfig& vision,
                           const decoder::LlamaConfig& decoder, int64_t every) {
  MultimodalConfig config;
  config.vision = vision;
  config.preprocessor.tiling.tile_size = vision.image_size;
  config.decoder = decoder;
  config.fusion.variant = variant;
  config.fusion.projector = {4 * vision.hidden, decoder.ffn_hidden, decoder.hidden, /*bias=*/true};
  config.fusion.cross_attention.attention = {decoder.hidden, decoder.heads, decoder.kv_heads,
                                             decoder.head_dim};
  config.fusion.cross_attention.ffn_hidden = decoder.ffn_hidden;
  config.fusion.cross_attention.norm_eps = decoder.norm_eps;
  config.fusion.depths = evenly_spaced_depths(decoder.layers, every);
  validate(config);
  return config;
}

void validate(const MultimodalConfig& config) {
  validate(config.fusion);
  check_fits(config.preprocessor.tiling.tile_size % (2 * config.vision.patch_size), 0,
             "tile size modulo two patches", "so that pixel shuffle can merge 2x2 patches");
  check_fits(config.fusion.projector.input, 4 * config.vision.hidden,
             "fusion_config.projector.input_size", "four times the encoder's hidden_size");
  check_fits(config.fusion.projector.output, config.decoder.hidden,
             "fusion_config.projector.output_size", "the decoder's hidden_size");
  if (routing(config.fusion.variant).uses_memory() &&
      config.fusion.depths.back() > config.decoder.layers) {
    throw std::invalid_argument(std::string(kConfigWhere) + ": cross_attention.depths ends with " +
                                std::to_string(config.fusion.depths.back()) +
                                ", but the decoder has " + std::to_string(config.decoder.layers) +
                                " layers");
  }
}

void read_lab_entry(const Json& json, MultimodalConfig& config) {
  if (!json.contains(kLabEntry)) return;
  constexpr const char* kWhere = "config.json: nvlm_lab";
  const Json entry = json_get<Json>(json, kLabEntry, kConfigWhere);
  config.fusion = fusion_config_from_json(json_get<Json>(entry, "fusion_config", kWhere));
  config.prompt_template = json_get<std::string>(entry, "template", kWhere);
}

void write_lab_entry(const MultimodalConfig& config, Json& json) {
  json[kLabEntry] = {{"fusion_config", to_json(config.fusion)},
                     {"template", config.prompt_template}};
}

MultimodalConfig multimodal_config_from_json(const Json& json) {
  if (is_internvl_native(json)) return internvl_native_config_from_json(json);
  const std::string architecture = checked_architecture(json);
  check_features(json);
  MultimodalConfig config;
  config.vision =
      vision::vision_config_from_json(json_get<Json>(json, "vision_config", kConfigWhere));
  config.decoder =
      decoder::llama_config_from_json(json_get<Json>(json, "llm_config", kConfigWhere));
  config.preprocessor.tiling = vision::tiling_from_model_config(json, config.preprocessor.tiling);
  config.prompt_template = json_get<std::string>(json, "template", kConfigWhere);
  if (json.contains("fusion_config")) {
    config.fusion = fusion_config_from_json(json["fusion_config"]);
  } else {
    config.fusion = published_fusion(architecture, config.vision, config.decoder);
    read_lab_entry(json, config);
  }
  prompt_format(config.prompt_template);  // throws for an unknown one
  validate(config);
  return config;
}

Json to_json(const MultimodalConfig& config) {
  const vision::TilingConfig& tiling = config.preprocessor.tiling;
  return {{"architectures", {architecture_name(config.fusion.variant)}},
          {"model_type", "nvlm_lab"},
          {"vision_config", vision::to_json(config.vision)},
          {"llm_config", decoder::to_json(config.decoder)},
          {"fusion_config", to_json(config.fusion)},
          {"template", config.prompt_template},
          {"downsample_ratio", 0.5},
          {"ps_version", "v2"},
          {"select_layer", -1},
          {"force_image_size", tiling.tile_size},
          {"dynamic_image_size", tiling.max_tiles > 1},
          {"use_thumbnail", tiling.use_thumbnail},
          {"min_dynamic_patch", tiling.min_tiles},
          {"max_dynamic_patch", tiling.max_tiles}};
}

}  // namespace nvlm::fusion
