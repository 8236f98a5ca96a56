#include "eval/inspection/run_time_costs.h"

#include <initializer_list>
#include <stdexcept>

#include "fusion/mllama_config.h"
#include "fusion/model_family.h"
#include "fusion/multimodal_config.h"

namespace nvlm::eval {
namespace {

/// Bounds as validate(LlamaConfig) has them, and a context of 2^22 tokens at most: then the bytes
/// of a full cache, 4 * 2^22 * 2 * 2^12 * 2^12 * 2^12 at most, fit in 64 bits.
constexpr int64_t kMostOfEach = 1 << 12, kLongestContext = 1 << 22;

/// The number under the first of these names (the family's and GPT-2's); 0 if there is none, or
/// none that a model could have.
int64_t number_in(const Json& config, std::initializer_list<const char*> names, int64_t largest) {
  for (const char* name : names) {
    const auto member = config.find(name);
    if (member == config.end() || !member->is_number_integer()) continue;
    const auto number = member->get<int64_t>();
    return number >= 1 && number <= largest ? number : 0;
  }
  return 0;
}

/// The part of config.json that describes the decoder; null for an encoder.
Json decoder_part(const Json& config) {
  if (!config.is_object()) return {};
  for (const char* name : {"llm_config", "text_config"}) {
    const auto part = config.find(name);
    if (part != config.end()) return part->is_object() ? *part : Json();
  }
  return fusion::model_family(config) == fusion::ModelFamily::kInternVit ? Json() : config;
}

int64_t cache_elements_per_token(const Json& decoder) {
  int64_t layers = number_in(decoder, {"num_hidden_layers", "n_layer"}, kMostOfEach);
  const auto cross = decoder.find("cross_attention_layers");  // their keys belong to the picture
  if (cross != decoder.end() && cross->is_array()) layers -= static_cast<int64_t>(cross->size());
  const int64_t heads = number_in(decoder, {"num_attention_heads", "n_head"}, kMostOfEach);
  int64_t kv_heads = number_in(decoder, {"num_key_value_heads"}, kMostOfEach);
  if (kv_heads == 0) kv_heads = heads;
  int64_t head_dim = number_in(decoder, {"head_dim"}, kMostOfEach);
  if (head_dim == 0 && heads > 0) {
    head_dim = number_in(decoder, {"hidden_size", "n_embd"}, 1 << 20) / heads;
  }
  return layers < 1 ? 0 : 2 * layers * kv_heads * head_dim;
}

int64_t memory_elements_per_token(int64_t blocks, const fusion::MemoryAttentionConfig& attention) {
  return 2 * blocks * attention.kv_heads * attention.head_dim;
}

ImageCosts image_costs(const fusion::MultimodalConfig& config) {
  const vision::TilingConfig& tiling = config.preprocessor.tiling;
  const fusion::Routing routing = fusion::routing(config.fusion.variant);
  ImageCosts costs;
  costs.tokens_per_tile = config.tile_tokens();
  const auto add = [&](fusion::Route route, int64_t tiles) {
    (route == fusion::Route::kInline ? costs.inline_tiles : costs.memory_tiles) += tiles;
  };
  // A picture of one tile has only the thumbnail.
  if (tiling.max_tiles > 1 || !tiling.use_thumbnail) add(routing.regular, tiling.max_tiles);
  if (tiling.use_thumbnail) add(routing.thumbnail, 1);
  if (routing.uses_memory()) {
    costs.memory_elements_per_token = memory_elements_per_token(
        static_cast<int64_t>(config.fusion.depths.size()), config.fusion.cross_attention.attention);
  }
  return costs;
}

ImageCosts image_costs(const fusion::MllamaConfig& config) {
  ImageCosts costs;
  costs.tokens_per_tile = config.vision.patches();
  costs.memory_tiles = config.vision.max_tiles;
  costs.memory_elements_per_token =
      memory_elements_per_token(static_cast<int64_t>(config.cross_attention_layers.size()),
                                config.cross_attention().attention);
  return costs;
}

std::optional<ImageCosts> image_costs(const Json& config) {
  try {
    switch (fusion::model_family(config)) {
      case fusion::ModelFamily::kInternVl:
      case fusion::ModelFamily::kNvlmD:
      case fusion::ModelFamily::kLab:
        return image_costs(fusion::multimodal_config_from_json(config));
      case fusion::ModelFamily::kMllama:
        return image_costs(fusion::mllama_config_from_json(config));
      default:
        return std::nullopt;
    }
  } catch (const std::runtime_error&) {
  } catch (const std::invalid_argument&) {
  }
  return std::nullopt;  // loading the model says what is wrong
}

}  // namespace

RunTimeCosts run_time_costs(const Json& config) {
  RunTimeCosts costs;
  const Json decoder = decoder_part(config);
  if (!decoder.is_object()) return costs;
  costs.vocab = number_in(decoder, {"vocab_size"}, 1 << 24);
  costs.context = number_in(decoder, {"max_position_embeddings", "n_positions"}, kLongestContext);
  costs.cache_elements_per_token = cache_elements_per_token(decoder);
  costs.image = image_costs(config);
  return costs;
}

}  // namespace nvlm::eval
