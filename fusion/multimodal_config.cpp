#include "fusion/multimodal_config.h"

#include <stdexcept>

#include "fusion/gated_cross_attention_stack.h"

namespace nvlm::fusion {
namespace {

constexpr const char* kConfigWhere = "config.json";

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
                           "' without a fusion_config, expected NVLM_D or InternVLChatModel");
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
  return {routing(fusion.variant), fusion.tile_tags, tile_tokens(), prompt_format(prompt_template)};
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

int64_t num_parameters(const MultimodalConfig& config) {
  const FusionConfig& fusion = config.fusion;
  const ProjectorConfig& projector = fusion.projector;
  const int64_t width = projector.hidden > 0 ? projector.hidden : projector.output;
  int64_t total = vision::num_parameters(config.vision) + decoder::num_parameters(config.decoder) +
                  2 * projector.input + (projector.input + projector.bias) * width;
  if (projector.hidden > 0) total += (projector.hidden + projector.bias) * projector.output;
  if (!routing(fusion.variant).uses_memory()) return total;
  if (fusion.num_tile_positions > 0) total += (1 + fusion.num_tile_positions) * projector.output;
  return total + static_cast<int64_t>(fusion.depths.size()) * num_block_parameters(fusion);
}

MultimodalConfig multimodal_config_from_json(const Json& json) {
  const std::string architecture = checked_architecture(json);
  check_features(json);
  MultimodalConfig config;
  config.vision =
      vision::vision_config_from_json(json_get<Json>(json, "vision_config", kConfigWhere));
  config.decoder =
      decoder::llama_config_from_json(json_get<Json>(json, "llm_config", kConfigWhere));
  config.preprocessor.tiling = vision::tiling_from_model_config(json, config.preprocessor.tiling);
  config.prompt_template = json_get<std::string>(json, "template", kConfigWhere);
  prompt_format(config.prompt_template);  // throws for an unknown one
  if (json.contains("fusion_config")) {
    config.fusion = fusion_config_from_json(json["fusion_config"]);
  } else {
    config.fusion = published_fusion(architecture, config.vision, config.decoder);
  }
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
