#include "fusion/mllama_config.h"

#include <algorithm>
#include <stdexcept>
#include <string_view>

namespace nvlm::fusion {
namespace {

constexpr const char* kMllamaWhere = "config.json";
constexpr int64_t kExtraEmbeddings = 8;  // <|image|> and its neighbours

void require_mllama_fits(bool fine, const std::string& field, int64_t value,
                         const std::string& expected) {
  if (fine) return;
  throw std::invalid_argument(std::string(kMllamaWhere) + ": " + field + " is " +
                              std::to_string(value) + ", expected " + expected);
}

/// What published files leave to transformers' defaults.
Json with_mllama_defaults(Json text) {
  const Json defaults = {{"num_key_value_heads", 8},
                         {"rope_theta", 500000.0},
                         {"rms_norm_eps", 1e-5},
                         {"max_position_embeddings", 131072},
                         {"bos_token_id", 128000}};
  for (const auto& [key, value] : defaults.items()) {
    if (!text.contains(key) || text[key].is_null()) text[key] = value;
  }
  return text;
}

/// Layers that read the picture, of `num_layers` in all.
void check_mllama_layers(const std::vector<int64_t>& cross, int64_t num_layers) {
  const std::string field = "an entry of text_config.cross_attention_layers";
  int64_t lowest = 0;
  for (const int64_t layer : cross) {
    require_mllama_fits(layer >= 0 && layer < num_layers, field, layer,
                        "0 to " + std::to_string(num_layers - 1));
    require_mllama_fits(layer >= lowest, field, layer,
                        std::to_string(lowest) +
                            " or more: rising, with a self-attention layer between two of them");
    lowest = layer + 2;
  }
  require_mllama_fits(static_cast<int64_t>(cross.size()) < num_layers,
                      "text_config.num_hidden_layers", num_layers,
                      "more than there are cross_attention_layers");
}

/// "<prefix><number><rest>" with another number and prefix; nothing if `name` is none such.
std::string with_layer(std::string_view name, std::string_view prefix,
                       const std::vector<int64_t>& numbers) {
  if (!name.starts_with(prefix)) return "";
  const std::string rest(name.substr(prefix.size()));
  const size_t end = rest.find('.');
  const auto layer = static_cast<size_t>(std::stoll(rest.substr(0, end)));
  return "language_model.model.layers." + std::to_string(numbers.at(layer)) + rest.substr(end);
}

}  // namespace

std::vector<int64_t> MllamaConfig::depths() const {
  std::vector<int64_t> depths;
  for (const int64_t layer : cross_attention_layers) {
    depths.push_back(layer - static_cast<int64_t>(depths.size()));
  }
  return depths;
}

std::vector<int64_t> MllamaConfig::self_attention_layers() const {
  std::vector<int64_t> layers;
  for (int64_t layer = 0; layer < num_layers(); ++layer) {
    const auto& cross = cross_attention_layers;
    if (!std::binary_search(cross.begin(), cross.end(), layer)) layers.push_back(layer);
  }
  return layers;
}

GatedCrossAttentionConfig MllamaConfig::cross_attention() const {
  GatedCrossAttentionConfig block;
  block.attention = {decoder.hidden, decoder.heads, decoder.kv_heads, decoder.head_dim,
                     decoder.norm_eps};
  block.ffn_hidden = decoder.ffn_hidden;
  block.norm_eps = decoder.norm_eps;
  block.attend_without_memory = attend_without_memory;
  return block;
}

void validate(const MllamaConfig& config) {
  validate(config.vision);
  validate(config.decoder);
  check_mllama_layers(config.cross_attention_layers, config.num_layers());
  require_mllama_fits(
      config.image_token_id >= 0 &&
          config.image_token_id < config.decoder.vocab + config.decoder.extra_embeddings,
      "image_token_index", config.image_token_id,
      "a token with an embedding, below " +
          std::to_string(config.decoder.vocab + config.decoder.extra_embeddings));
  require_mllama_fits(
      config.preprocessor.tile_size == config.vision.image_size, "vision_config.image_size",
      config.vision.image_size,
      "the size of preprocessor_config.json, " + std::to_string(config.preprocessor.tile_size));
  require_mllama_fits(config.preprocessor.max_tiles == config.vision.max_tiles,
                      "vision_config.max_num_tiles", config.vision.max_tiles,
                      "max_image_tiles of preprocessor_config.json, " +
                          std::to_string(config.preprocessor.max_tiles));
}

MllamaConfig mllama_config_from_json(const Json& json) {
  MllamaConfig config;
  config.vision =
      vision::mllama_vision_config_from_json(json_get<Json>(json, "vision_config", kMllamaWhere));
  const Json text = json_get<Json>(json, "text_config", kMllamaWhere);
  config.cross_attention_layers =
      json_get<std::vector<int64_t>>(text, "cross_attention_layers", "config.json: text_config");
  config.decoder = decoder::llama_config_from_json(with_mllama_defaults(text));
  if (config.decoder.tie_word_embeddings) {
    throw std::invalid_argument(std::string(kMllamaWhere) +
                                ": text_config.tie_word_embeddings is true, expected false");
  }
  if (config.decoder.biases != decoder::BiasKind::kNone) {
    throw std::invalid_argument(std::string(kMllamaWhere) +
                                ": text_config.architectures names a decoder with biases, "
                                "expected Llama's");
  }
  config.decoder.extra_embeddings = kExtraEmbeddings;
  check_mllama_layers(config.cross_attention_layers, config.decoder.layers);
  config.decoder.layers -= static_cast<int64_t>(config.cross_attention_layers.size());
  config.image_token_id =
      json_get_or(json, "image_token_index", config.image_token_id, kMllamaWhere);
  config.pad_token_id = json_get_or(text, "pad_token_id", config.pad_token_id, kMllamaWhere);
  config.preprocessor.tile_size = config.vision.image_size;
  config.preprocessor.max_tiles = config.vision.max_tiles;
  validate(config);
  return config;
}

Json to_json(const MllamaConfig& config) {
  Json text = decoder::to_json(config.decoder);
  text["model_type"] = "mllama_text_model";
  text["architectures"] = nullptr;
  text["num_hidden_layers"] = config.num_layers();
  text["cross_attention_layers"] = config.cross_attention_layers;
  text["pad_token_id"] = config.pad_token_id;
  return {{"architectures", {"MllamaForConditionalGeneration"}},
          {"model_type", "mllama"},
          {"image_token_index", config.image_token_id},
          {"text_config", text},
          {"vision_config", vision::to_json(config.vision)}};
}

int64_t num_parameters(const MllamaConfig& config) {
  const decoder::LlamaConfig& text = config.decoder;
  const int64_t attention =
      2 * text.hidden * text.head_dim * (text.heads + text.kv_heads) + 2 * text.head_dim;
  const int64_t block = attention + 3 * text.hidden * text.ffn_hidden + 2 * text.hidden + 2;
  const int64_t projector = (config.vision.output_width() + 1) * text.hidden;
  return vision::num_parameters(config.vision) + projector + decoder::num_parameters(text) +
         static_cast<int64_t>(config.cross_attention_layers.size()) * block;
}

std::string mllama_stored_name(const MllamaConfig& config, const std::string& name) {
  const std::string cross = with_layer(name, "cross_attention.", config.cross_attention_layers);
  if (!cross.empty()) return cross;
  const std::string self =
      with_layer(name, "language_model.model.layers.", config.self_attention_layers());
  return self.empty() ? name : self;
}

std::string mllama_new_stored_name(const MllamaConfig& config, const std::string& name) {
  constexpr std::string_view kDecoder = "language_model.model.", kHead = "language_model.lm_head.";
  const std::string stored = mllama_stored_name(config, name);
  if (stored.starts_with(kHead)) return stored.substr(std::string_view("language_model.").size());
  if (stored.starts_with(kDecoder)) {
    return "model.language_model." + stored.substr(kDecoder.size());
  }
  return "model." + stored;
}

}  // namespace nvlm::fusion
