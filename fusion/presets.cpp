#include "fusion/presets.h"

#include <array>

#include "decoder/presets.h"
#include "fusion/gated_cross_attention_stack.h"
#include "vision/presets.h"

namespace nvlm::fusion {
namespace {

constexpr std::string_view kPublishedNvlm = "nvlm-d-72b";

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

/// The paper's two sizes: both on InternViT-6B, X and H with ten blocks.
struct NvlmSize {
  std::string_view name;  // what follows "nvlm-d-"
  decoder::LlamaConfig (*decoder)();
  int64_t layers_per_block;
};

constexpr std::array kNvlmSizes = {
    NvlmSize{"34b", [] { return decoder::preset("yi-34b").value(); }, 6},
    NvlmSize{"72b", [] { return qwen_instruct("qwen2-72b"); }, 8},
};

constexpr std::array kNvlmVariants = {Variant::kDecoder, Variant::kCrossAttention,
                                      Variant::kHybrid};

std::string nvlm_name(const NvlmSize& size, Variant variant) {
  return "nvlm-" + fusion::name(variant) + "-" + std::string(size.name);
}

/// X and H have blocks, with the decoder's heads and widths.
MultimodalConfig nvlm_preset(const NvlmSize& size, Variant variant) {
  MultimodalConfig config;
  config.vision = vision::preset("internvit-6b").value();
  config.decoder = size.decoder();
  const decoder::LlamaConfig& decoder = config.decoder;
  config.fusion.variant = variant;
  const int64_t projector_hidden =
      variant == Variant::kCrossAttention ? 0 : decoder.ffn_hidden;  // one layer in X
  config.fusion.projector = {4 * config.vision.hidden, projector_hidden, decoder.hidden,
                             /*bias=*/false};
  config.prompt_template = "chatml";
  if (routing(variant).uses_memory()) {
    GatedCrossAttentionConfig& block = config.fusion.cross_attention;
    block.attention = {decoder.hidden, decoder.heads, decoder.kv_heads, decoder.head_dim};
    block.ffn_hidden = decoder.ffn_hidden;
    block.norm_eps = decoder.norm_eps;
    config.fusion.depths = evenly_spaced_depths(decoder.layers, size.layers_per_block);
  }
  if (nvlm_name(size, variant) == kPublishedNvlm) {
    config.vision.dummy_heads = 7;
    config.decoder.rope_dynamic_factor = 3;
  }
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
  for (const NvlmSize& size : kNvlmSizes) {
    for (const Variant variant : kNvlmVariants) names.push_back(nvlm_name(size, variant));
  }
  return names;
}

std::optional<MultimodalConfig> preset(std::string_view name) {
  for (const InternVlParts& parts : kInternVl25) {
    if (parts.name == name) return internvl25_preset(parts);
  }
  for (const NvlmSize& size : kNvlmSizes) {
    for (const Variant variant : kNvlmVariants) {
      if (nvlm_name(size, variant) == name) return nvlm_preset(size, variant);
    }
  }
  return std::nullopt;
}

bool is_by_the_paper(std::string_view name) {
  return name.starts_with("nvlm-") && name != kPublishedNvlm;
}

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
