#include "fusion/presets.h"

#include <array>

#include "decoder/presets.h"
#include "fusion/gated_cross_attention_stack.h"
#include "vision/presets.h"

namespace nvlm::fusion {
namespace {

struct InternVlParts {
  std::string_view name, vision, decoder;
};

constexpr std::array kInternVl25 = {
    InternVlParts{"internvl2.5-1b", "internvit-300m", "qwen2.5-0.5b"},
    InternVlParts{"internvl2.5-4b", "internvit-300m", "qwen2.5-3b"},
    InternVlParts{"internvl2.5-38b", "internvit-6b", "qwen2.5-32b"},
    InternVlParts{"internvl2.5-78b", "internvit-6b", "qwen2.5-72b"},
};

/// Qwen's Instruct models end a turn with <|im_end|>; all that is built on them has 32768
/// positions.
decoder::LlamaConfig qwen_instruct(std::string_view name) {
  decoder::LlamaConfig config = decoder::preset(name).value();
  config.norm_eps = 1e-6;
  config.max_position_embeddings = 32768;
  config.eos_token_ids = {151645};
  return config;
}

MultimodalConfig internvl25_preset(const InternVlParts& parts) {
  MultimodalConfig config;
  config.vision = vision::preset(parts.vision).value();
  config.decoder = qwen_instruct(parts.decoder);
  config.decoder.vocab = 151674;               // without padding, and InternVL's own tokens
  config.decoder.tie_word_embeddings = false;  // stored with a head of its own, whatever the size
  config.decoder.rope_dynamic_factor = 2;
  config.preprocessor.tiling.max_tiles = 12;
  config.fusion.tile_tags = TileTagKind::kNone;
  config.fusion.projector = {4 * config.vision.hidden, config.decoder.hidden, config.decoder.hidden,
                             /*bias=*/true};
  config.prompt_template = "internvl2_5";
  validate(config);
  return config;
}

/// NVLM on InternViT-6B and Qwen2-72B-Instruct, routed by `variant`.
MultimodalConfig nvlm_72b(Variant variant) {
  MultimodalConfig config;
  config.vision = vision::preset("internvit-6b").value();
  config.decoder = qwen_instruct("qwen2-72b");
  config.fusion.variant = variant;
  const int64_t projector_hidden =
      variant == Variant::kCrossAttention ? 0 : config.decoder.ffn_hidden;  // one layer in X
  config.fusion.projector = {4 * config.vision.hidden, projector_hidden, config.decoder.hidden,
                             /*bias=*/false};
  config.prompt_template = "chatml";
  return config;
}

MultimodalConfig nvlm_d_72b() {
  MultimodalConfig config = nvlm_72b(Variant::kDecoder);
  config.vision.dummy_heads = 7;
  config.decoder.rope_dynamic_factor = 3;
  validate(config);
  return config;
}

/// X and H have blocks, with the decoder's heads and widths.
MultimodalConfig nvlm_72b_by_the_paper(Variant variant) {
  constexpr int64_t kLayersPerBlock = 8;
  MultimodalConfig config = nvlm_72b(variant);
  const decoder::LlamaConfig& decoder = config.decoder;
  GatedCrossAttentionConfig& block = config.fusion.cross_attention;
  block.attention = {decoder.hidden, decoder.heads, decoder.kv_heads, decoder.head_dim};
  block.ffn_hidden = decoder.ffn_hidden;
  block.norm_eps = decoder.norm_eps;
  config.fusion.depths = evenly_spaced_depths(decoder.layers, kLayersPerBlock);
  validate(config);
  return config;
}

/// decoder  its Llama 3.1 sibling, to which a cross-attention layer is added for every 4 layers
MllamaConfig mllama_of(std::string_view decoder, int64_t image_size) {
  constexpr int64_t kSelfLayersPerCrossLayer = 4;
  MllamaConfig config;
  config.decoder = decoder::preset(decoder).value();
  config.decoder.extra_embeddings = 8;
  config.vision.image_size = image_size;
  config.preprocessor.tile_size = image_size;
  const int64_t num_cross = config.decoder.layers / kSelfLayersPerCrossLayer;
  for (int64_t i = 0; i < num_cross; ++i) {
    config.cross_attention_layers.push_back(3 + i * (kSelfLayersPerCrossLayer + 1));
  }
  validate(config);
  return config;
}

}  // namespace

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const InternVlParts& parts : kInternVl25) names.emplace_back(parts.name);
  names.insert(names.end(), {"nvlm-d-72b", "nvlm-x-72b", "nvlm-h-72b"});
  return names;
}

std::optional<MultimodalConfig> preset(std::string_view name) {
  for (const InternVlParts& parts : kInternVl25) {
    if (parts.name == name) return internvl25_preset(parts);
  }
  if (name == "nvlm-d-72b") return nvlm_d_72b();
  if (name == "nvlm-x-72b") return nvlm_72b_by_the_paper(Variant::kCrossAttention);
  if (name == "nvlm-h-72b") return nvlm_72b_by_the_paper(Variant::kHybrid);
  return std::nullopt;
}

bool is_by_the_paper(std::string_view name) { return name == "nvlm-x-72b" || name == "nvlm-h-72b"; }

std::vector<std::string> mllama_preset_names() {
  return {"llama-3.2-11b-vision", "llama-3.2-11b-vision-instruct", "llama-3.2-90b-vision"};
}

std::optional<MllamaConfig> mllama_preset(std::string_view name) {
  if (name == "llama-3.2-11b-vision") return mllama_of("llama-3.1-8b", 448);
  if (name == "llama-3.2-11b-vision-instruct") return mllama_of("llama-3.1-8b", 560);
  if (name == "llama-3.2-90b-vision") return mllama_of("llama-3.1-70b", 560);
  return std::nullopt;
}

}  // namespace nvlm::fusion
