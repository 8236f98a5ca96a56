#include "decoder/presets.h"

#include <algorithm>
#include <array>

#include "decoder/gpt2.h"

namespace nvlm::decoder {
namespace {

/// What differs within GPT-2.
struct Gpt2Size {
  std::string_view name;
  int64_t hidden, layers, heads;
};

constexpr std::array kGpt2Sizes = {
    Gpt2Size{"gpt2", 768, 12, 12},
    Gpt2Size{"gpt2-medium", 1024, 24, 16},
    Gpt2Size{"gpt2-large", 1280, 36, 20},
    Gpt2Size{"gpt2-xl", 1600, 48, 25},
};

LlamaConfig gpt2_preset(const Gpt2Size& size) {
  LlamaConfig config = gpt2_switches();
  config.hidden = size.hidden;
  config.layers = size.layers;
  config.heads = size.heads;
  config.kv_heads = size.heads;
  config.head_dim = size.hidden / size.heads;
  config.ffn_hidden = 4 * size.hidden;
  config.vocab = 50257;
  config.max_position_embeddings = 1024;
  config.bos_token_id = 50256;
  config.eos_token_ids = {50256};
  return config;
}

/// What differs between the models with rotary positions. Vocabulary, base and special tokens are
/// the family's.
struct RotarySize {
  std::string_view name;
  int64_t hidden, layers, heads, kv_heads, head_dim, ffn_hidden;
};

constexpr std::array kLlama2Sizes = {
    RotarySize{"llama-2-7b", 4096, 32, 32, 32, 128, 11008},
    RotarySize{"llama-2-13b", 5120, 40, 40, 40, 128, 13824},
    RotarySize{"llama-2-70b", 8192, 80, 64, 8, 128, 28672},
};
constexpr std::array kLlama3Sizes = {
    RotarySize{"llama-3-8b", 4096, 32, 32, 8, 128, 14336},
    RotarySize{"llama-3-70b", 8192, 80, 64, 8, 128, 28672},
};
// Llama 3 with stretched frequencies. 405B: the current upload; the first had every key and value
// head twice.
constexpr std::array kLlama31Sizes = {
    RotarySize{"llama-3.1-8b", 4096, 32, 32, 8, 128, 14336},
    RotarySize{"llama-3.1-70b", 8192, 80, 64, 8, 128, 28672},
    RotarySize{"llama-3.1-405b", 16384, 126, 128, 8, 128, 53248},
};
constexpr std::array kLlama32Sizes = {
    RotarySize{"llama-3.2-1b", 2048, 16, 32, 8, 64, 8192},
    RotarySize{"llama-3.2-3b", 3072, 28, 24, 8, 128, 8192},
};
constexpr std::array kLlama33Sizes = {
    RotarySize{"llama-3.3-70b", 8192, 80, 64, 8, 128, 28672},
};

/// Qwen's vocabulary is padded to one of two sizes; small models tie the head.
struct QwenSize {
  RotarySize size;
  int64_t vocab;
  bool tied;
  int64_t context;
  double norm_eps;
};

constexpr std::array kQwenSizes = {
    QwenSize{{"qwen2-0.5b", 896, 24, 14, 2, 64, 4864}, 151936, true, 131072, 1e-6},
    QwenSize{{"qwen2-1.5b", 1536, 28, 12, 2, 128, 8960}, 151936, true, 131072, 1e-6},
    QwenSize{{"qwen2-7b", 3584, 28, 28, 4, 128, 18944}, 152064, false, 131072, 1e-6},
    QwenSize{{"qwen2-72b", 8192, 80, 64, 8, 128, 29568}, 152064, false, 131072, 1e-5},
    QwenSize{{"qwen2.5-0.5b", 896, 24, 14, 2, 64, 4864}, 151936, true, 32768, 1e-6},
    QwenSize{{"qwen2.5-1.5b", 1536, 28, 12, 2, 128, 8960}, 151936, true, 131072, 1e-6},
    QwenSize{{"qwen2.5-3b", 2048, 36, 16, 2, 128, 11008}, 151936, true, 32768, 1e-6},
    QwenSize{{"qwen2.5-7b", 3584, 28, 28, 4, 128, 18944}, 152064, false, 131072, 1e-6},
    QwenSize{{"qwen2.5-14b", 5120, 48, 40, 8, 128, 13824}, 152064, false, 131072, 1e-5},
    QwenSize{{"qwen2.5-32b", 5120, 64, 40, 8, 128, 27648}, 152064, false, 131072, 1e-5},
    QwenSize{{"qwen2.5-72b", 8192, 80, 64, 8, 128, 29568}, 152064, false, 131072, 1e-5},
};

constexpr RotarySize kYi34B = {"yi-34b", 7168, 60, 56, 8, 128, 20480};

LlamaConfig rotary_preset(const RotarySize& size) {
  LlamaConfig config;  // norm, feed-forward, positions and biases are Llama's
  config.hidden = size.hidden;
  config.layers = size.layers;
  config.heads = size.heads;
  config.kv_heads = size.kv_heads;
  config.head_dim = size.head_dim;
  config.ffn_hidden = size.ffn_hidden;
  return config;
}

LlamaConfig llama2_preset(const RotarySize& size) {
  LlamaConfig config = rotary_preset(size);
  config.vocab = 32000;
  config.max_position_embeddings = 4096;
  config.bos_token_id = 1;
  config.eos_token_ids = {2};
  return config;
}

LlamaConfig llama3_preset(const RotarySize& size) {
  LlamaConfig config = rotary_preset(size);
  config.vocab = 128256;
  config.rope_theta = 500000;
  config.max_position_embeddings = 8192;
  config.bos_token_id = 128000;
  config.eos_token_ids = {128001};
  return config;
}

LlamaConfig llama31_preset(const RotarySize& size) {
  LlamaConfig config = llama3_preset(size);
  config.rope_scaling = Llama3RopeScaling{};
  config.max_position_embeddings = 131072;
  return config;
}

LlamaConfig llama32_preset(const RotarySize& size) {
  LlamaConfig config = llama31_preset(size);
  config.rope_scaling->factor = 32;
  config.tie_word_embeddings = true;
  return config;
}

/// Published as an Instruct model only.
LlamaConfig llama33_preset(const RotarySize& size) {
  LlamaConfig config = llama31_preset(size);
  config.eos_token_ids = {128001, 128008, 128009};
  return config;
}

LlamaConfig qwen2_preset(const QwenSize& qwen) {
  LlamaConfig config = rotary_preset(qwen.size);
  config.biases = BiasKind::kQueryKeyValue;
  config.vocab = qwen.vocab;
  config.rope_theta = 1e6;
  config.norm_eps = qwen.norm_eps;
  config.tie_word_embeddings = qwen.tied;
  config.max_position_embeddings = qwen.context;
  config.bos_token_id = 151643;
  config.eos_token_ids = {151643};
  return config;
}

LlamaConfig yi_preset(const RotarySize& size) {
  LlamaConfig config = rotary_preset(size);
  config.vocab = 64000;
  config.rope_theta = 5e6;
  config.max_position_embeddings = 4096;
  config.bos_token_id = 1;
  config.eos_token_ids = {2};
  return config;
}

struct DecoderPreset {
  std::string name;
  LlamaConfig config;
};

std::vector<DecoderPreset> all_presets() {
  std::vector<DecoderPreset> presets;
  const auto add = [&](const auto& sizes, LlamaConfig (*make)(const RotarySize&)) {
    for (const RotarySize& size : sizes) presets.push_back({std::string(size.name), make(size)});
  };
  for (const Gpt2Size& size : kGpt2Sizes) {
    presets.push_back({std::string(size.name), gpt2_preset(size)});
  }
  add(kLlama2Sizes, llama2_preset);
  add(kLlama3Sizes, llama3_preset);
  add(kLlama31Sizes, llama31_preset);
  add(kLlama32Sizes, llama32_preset);
  add(kLlama33Sizes, llama33_preset);
  for (const QwenSize& qwen : kQwenSizes) {
    presets.push_back({std::string(qwen.size.name), qwen2_preset(qwen)});
  }
  add(std::array{kYi34B}, yi_preset);
  return presets;
}

}  // namespace

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (DecoderPreset& preset : all_presets()) names.push_back(std::move(preset.name));
  return names;
}

std::optional<LlamaConfig> preset(std::string_view name) {
  for (DecoderPreset& preset : all_presets()) {
    if (preset.name == name) return std::move(preset.config);
  }
  return std::nullopt;
}

}  // namespace nvlm::decoder
