#include "fusion/internvl_native.h"

#include <array>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace nvlm::fusion {
namespace {

constexpr const char* kNativeWhere = "config.json";
constexpr const char* kNativeArchitecture = "InternVLForConditionalGeneration";
constexpr int64_t kDefaultMaxPatches = 12;  // of GotOcr2ImageProcessor

using Renaming = std::pair<std::string_view, std::string_view>;  // ours, native

constexpr std::array kModuleRoots = {Renaming{"vision_model.", "model.vision_tower."},
                                     Renaming{"mlp1.", "model.multi_modal_projector."},
                                     Renaming{"language_model.model.", "model.language_model."},
                                     Renaming{"language_model.lm_head.", "lm_head."}};
constexpr std::array kFileRoots = {Renaming{"vision_model.", "vision_tower."},
                                   Renaming{"mlp1.", "multi_modal_projector."}};

/// Of the encoder and the projector, behind their root; a decoder's names are the same.
constexpr std::array kParts = {
    Renaming{"embeddings.class_embedding", "embeddings.cls_token"},
    Renaming{"embeddings.position_embedding", "embeddings.position_embeddings"},
    Renaming{"embeddings.patch_embedding.", "embeddings.patch_embeddings.projection."},
    Renaming{"encoder.layers.", "encoder.layer."},
    Renaming{".attn.proj.", ".attention.projection_layer."},
    Renaming{".attn.", ".attention."},
    Renaming{".norm1.", ".layernorm_before."},
    Renaming{".norm2.", ".layernorm_after."},
    Renaming{".ls1", ".lambda_1"},
    Renaming{".ls2", ".lambda_2"},
    Renaming{"mlp1.0.", "mlp1.layer_norm."},
    Renaming{"mlp1.1.", "mlp1.linear_1."},
    Renaming{"mlp1.3.", "mlp1.linear_2."},
};

/// `text` with the first occurrence of `from` replaced; unchanged without one.
std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  if (at != std::string::npos) text.replace(at, from.size(), to);
  return text;
}

template <size_t n>
std::string with_root(const std::string& name, const std::array<Renaming, n>& roots) {
  for (const auto& [ours, native] : roots) {
    if (name.starts_with(ours)) return replaced(name, ours, native);
  }
  return name;
}

template <class T>
void require_value(const Json& json, const char* field, const T& expected) {
  const T value = json_get_or<T>(json, field, expected, kNativeWhere);
  if (value == expected) return;
  throw std::invalid_argument(std::string(kNativeWhere) + ": " + field + " is " +
                              Json(value).dump() + ", expected " + Json(expected).dump());
}

/// Later releases have decoders of other families (Qwen3).
void check_text_family(const Json& text) {
  const auto type = json_get_or(text, "model_type", "qwen2", "config.json: text_config");
  if (type == "llama" || type == "qwen2") return;
  throw std::invalid_argument("config.json: text_config: model_type is '" + type +
                              "', expected llama or qwen2");
}

}  // namespace

bool is_internvl_native(const Json& json) {
  const auto names = json_get_or<std::vector<std::string>>(json, "architectures", {}, kNativeWhere);
  if (!names.empty()) return names.front() == kNativeArchitecture;
  return json_get_or(json, "model_type", "", kNativeWhere) == "internvl";
}

MultimodalConfig internvl_native_config_from_json(const Json& json) {
  require_value(json, "downsample_ratio", 0.5);
  require_value<std::string>(json, "projector_hidden_act", "gelu");
  require_value<int64_t>(json, "vision_feature_layer", -1);
  require_value<std::string>(json, "vision_feature_select_strategy", "default");
  MultimodalConfig config;
  config.vision =
      vision::vision_config_from_native_json(json_get<Json>(json, "vision_config", kNativeWhere));
  const Json text = json_get<Json>(json, "text_config", kNativeWhere);
  check_text_family(text);
  config.decoder = decoder::llama_config_from_json(text);
  config.preprocessor.tiling.tile_size = config.vision.image_size;
  config.preprocessor.tiling.max_tiles = kDefaultMaxPatches;
  config.prompt_template = "internvl2_5";
  config.fusion.tile_tags = TileTagKind::kNone;
  config.fusion.projector = {4 * config.vision.hidden, config.decoder.hidden, config.decoder.hidden,
                             /*bias=*/true};
  read_lab_entry(json, config);
  validate(config);
  return config;
}

Json to_internvl_native_json(const MultimodalConfig& config, int64_t slot_id) {
  const ProjectorConfig& projector = config.fusion.projector;
  if (projector.hidden != config.decoder.hidden || !projector.bias) {
    throw std::invalid_argument(
        "InternVLForConditionalGeneration: the projector is " + std::to_string(projector.hidden) +
        " wide inside and has " + (projector.bias ? "biases" : "no biases") + ", expected " +
        std::to_string(config.decoder.hidden) + " (the decoder's width) and biases");
  }
  return {{"architectures", {kNativeArchitecture}},
          {"model_type", "internvl"},
          {"vision_config", vision::to_native_json(config.vision)},
          {"text_config", decoder::to_json(config.decoder)},
          {"downsample_ratio", 0.5},
          {"image_seq_length", config.tile_tokens()},
          {"image_token_id", slot_id},
          {"projector_hidden_act", "gelu"},
          {"tie_word_embeddings", config.decoder.tie_word_embeddings},
          {"vision_feature_layer", -1},
          {"vision_feature_select_strategy", "default"}};
}

vision::PreprocessorConfig internvl_native_preprocessor(const Json& json) {
  const Json& fields = json.contains("image_processor") ? json["image_processor"] : json;
  Json translated = fields;
  translated["min_dynamic_patch"] = json_get_or(fields, "min_patches", int64_t{1}, kNativeWhere);
  translated["max_dynamic_patch"] =
      json_get_or(fields, "max_patches", kDefaultMaxPatches, kNativeWhere);
  return vision::preprocessor_config_from_json(translated);
}

std::vector<std::string> internvl_native_names(const std::string& name, NativeNaming naming) {
  std::string native = name;
  if (!name.starts_with("language_model.")) {
    for (const auto& [from, to] : kParts) native = replaced(native, from, to);
  }
  native = naming == NativeNaming::kModules ? with_root(native, kModuleRoots)
                                            : with_root(native, kFileRoots);
  if (native.find(".attention.qkv.") == std::string::npos) return {native};
  std::vector<std::string> parts;
  for (const char* part : {".q_proj.", ".k_proj.", ".v_proj."}) {
    parts.push_back(replaced(native, ".qkv.", part));
  }
  return parts;
}

std::map<std::string, TensorOrigin> internvl_native_origins(const std::vector<std::string>& names,
                                                            const WeightSource& stored) {
  const auto naming = stored.contains("model.multi_modal_projector.linear_1.weight")
                          ? NativeNaming::kModules
                          : NativeNaming::kFiles;
  std::map<std::string, TensorOrigin> origins;
  for (const std::string& name : names) {
    std::vector<std::string> parts = internvl_native_names(name, naming);
    TensorOrigin& origin = origins[name];
    origin.name = parts.front();
    origin.below.assign(parts.begin() + 1, parts.end());
  }
  return origins;
}

bool internvl_native_has_head(const WeightSource& stored) {
  return stored.contains("lm_head.weight") || stored.contains("language_model.lm_head.weight");
}

}  // namespace nvlm::fusion
