#include "decoder/llama_config.h"

#include <cmath>
#include <sstream>
#include <stdexcept>
#include <string>

#include "decoder/architecture.h"
#include "decoder/gpt2.h"

namespace nvlm::decoder {
namespace {

constexpr const char* kLlamaConfigWhere = "decoder.config";

template <class T>
void require_field(bool fine, const char* field, const T& value, const std::string& expected) {
  if (fine) return;
  std::ostringstream message;
  message << kLlamaConfigWhere << ": " << field << " is " << value << ", expected " << expected;
  throw std::invalid_argument(message.str());
}

// Bounds far beyond any real model, so that products of dimensions fit in 64 bits.
void require_size(const char* field, int64_t value, int64_t largest) {
  require_field(value >= 1 && value <= largest, field, value, "1.." + std::to_string(largest));
}

void require_positive(const char* field, double value) {
  require_field(std::isfinite(value) && value > 0, field, value, "a number above 0");
}

bool is_qwen2(const Json& json) {
  const auto architectures =
      json_get_or<std::vector<std::string>>(json, "architectures", {}, kLlamaConfigWhere);
  if (!architectures.empty()) return architectures[0].rfind("Qwen2", 0) == 0;
  return json_get_or(json, "model_type", "llama", kLlamaConfigWhere) == "qwen2";
}

void refuse_unimplemented(const Json& json, bool qwen2) {
  const auto refuse = [](const std::string& what) {
    throw std::runtime_error(std::string(kLlamaConfigWhere) + ": " + what);
  };
  const std::string activation = json_get_or(json, "hidden_act", "silu", kLlamaConfigWhere);
  if (activation != "silu") refuse("hidden_act is '" + activation + "', expected 'silu'");
  if (json_get_or<bool>(json, "mlp_bias", false, kLlamaConfigWhere)) {
    refuse("mlp_bias is true, expected false");
  }
  if (!qwen2 && json_get_or<bool>(json, "attention_bias", false, kLlamaConfigWhere)) {
    refuse("attention_bias of a Llama includes o_proj, expected false (or a Qwen2 architecture)");
  }
  if (json_get_or<bool>(json, "use_sliding_window", false, kLlamaConfigWhere)) {
    refuse("use_sliding_window is true, expected false");
  }
  if (json_get_or<double>(json, "partial_rotary_factor", 1.0, kLlamaConfigWhere) != 1.0) {
    refuse("partial_rotary_factor is not 1: rotating part of a head is not implemented");
  }
}

void read_rope_type(const Json& rope, LlamaConfig& config) {
  constexpr const char* kWhere = "decoder.config.rope_scaling";
  const std::string type =
      json_get_or(rope, "rope_type", json_get_or(rope, "type", "default", kWhere).c_str(), kWhere);
  if (type == "llama3") {
    Llama3RopeScaling scaling;
    scaling.factor = json_get<double>(rope, "factor", kWhere);
    scaling.low_freq_factor = json_get<double>(rope, "low_freq_factor", kWhere);
    scaling.high_freq_factor = json_get<double>(rope, "high_freq_factor", kWhere);
    scaling.original_max_position_embeddings =
        json_get<int64_t>(rope, "original_max_position_embeddings", kWhere);
    config.rope_scaling = scaling;
  } else if (type == "dynamic") {
    config.rope_dynamic_factor = json_get<double>(rope, "factor", kWhere);
  } else if (type != "default") {
    throw std::runtime_error(std::string(kWhere) + ": rope type '" + type +
                             "' is not implemented, expected default, llama3 or dynamic");
  }
}

void read_rope(const Json& json, LlamaConfig& config) {
  config.rope_theta = json_get_or<double>(json, "rope_theta", 10000.0, kLlamaConfigWhere);
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    const Json rope = json_get_or<Json>(json, key, Json(), kLlamaConfigWhere);
    if (rope.is_null()) continue;
    if (!rope.is_object()) {
      throw std::runtime_error(std::string(kLlamaConfigWhere) + ": " + key + " is " + rope.dump() +
                               ", expected an object");
    }
    config.rope_theta =
        json_get_or<double>(rope, "rope_theta", config.rope_theta, kLlamaConfigWhere);
    read_rope_type(rope, config);
  }
}

// One id, a list of ids, or null.
std::vector<int64_t> read_token_ids(const Json& json, const char* key) {
  const Json ids = json_get_or<Json>(json, key, Json(), kLlamaConfigWhere);
  if (ids.is_null()) return {};
  if (ids.is_array()) return json_get<std::vector<int64_t>>(json, key, kLlamaConfigWhere);
  return {json_get<int64_t>(json, key, kLlamaConfigWhere)};
}

}  // namespace

void validate(const LlamaConfig& config) {
  require_size("hidden_size", config.hidden, 1 << 18);
  require_size("num_hidden_layers", config.layers, 1 << 12);
  require_size("num_attention_heads", config.heads, 1 << 12);
  require_size("num_key_value_heads", config.kv_heads, 1 << 12);
  require_size("head_dim", config.head_dim, 1 << 12);
  require_size("intermediate_size", config.ffn_hidden, 1 << 20);
  require_size("vocab_size", config.vocab, 1 << 24);
  require_field(config.extra_embeddings >= 0 && config.extra_embeddings <= 1 << 20 &&
                    (config.extra_embeddings == 0 || !config.tie_word_embeddings),
                "extra_embeddings", config.extra_embeddings, "0 to 1048576, and 0 for a tied head");
  require_size("max_position_embeddings", config.max_position_embeddings, int64_t{1} << 40);
  require_field(config.heads % config.kv_heads == 0, "num_key_value_heads", config.kv_heads,
                "a divisor of num_attention_heads " + std::to_string(config.heads));
  require_field(config.positions == PositionKind::kLearned || config.head_dim % 2 == 0, "head_dim",
                config.head_dim, "an even number");
  require_positive("rope_theta", config.rope_theta);
  require_positive("rms_norm_eps", config.norm_eps);
  require_field(std::isfinite(config.initializer_range) && config.initializer_range >= 0,
                "initializer_range", config.initializer_range, "a number from 0 on");
  require_field(config.rope_dynamic_factor == 0 ||
                    (std::isfinite(config.rope_dynamic_factor) && config.rope_dynamic_factor >= 1),
                "rope_scaling.factor", config.rope_dynamic_factor, "a number from 1 on");
  require_field(config.bos_token_id >= -1, "bos_token_id", config.bos_token_id, "a token id");
  for (const int64_t id : config.eos_token_ids) {
    require_field(id >= 0, "eos_token_id", id, "a token id");
  }
  if (!config.rope_scaling) return;
  const Llama3RopeScaling& scaling = *config.rope_scaling;
  require_positive("rope_scaling.factor", scaling.factor);
  require_positive("rope_scaling.low_freq_factor", scaling.low_freq_factor);
  require_field(
      std::isfinite(scaling.high_freq_factor) && scaling.high_freq_factor > scaling.low_freq_factor,
      "rope_scaling.high_freq_factor", scaling.high_freq_factor, "a number above low_freq_factor");
  require_size("rope_scaling.original_max_position_embeddings",
               scaling.original_max_position_embeddings, int64_t{1} << 40);
}

LlamaConfig llama_config_from_json(const Json& json) {
  require_known_architecture(json);
  if (is_gpt2(json)) return gpt2_config_from_json(json);
  constexpr const char* kWhere = kLlamaConfigWhere;
  const bool qwen2 = is_qwen2(json);
  refuse_unimplemented(json, qwen2);
  LlamaConfig config;
  config.hidden = json_get<int64_t>(json, "hidden_size", kWhere);
  config.layers = json_get<int64_t>(json, "num_hidden_layers", kWhere);
  config.heads = json_get<int64_t>(json, "num_attention_heads", kWhere);
  config.kv_heads = json_get_or<int64_t>(json, "num_key_value_heads", config.heads, kWhere);
  require_size("num_attention_heads", config.heads, 1 << 12);
  config.head_dim = json_get_or<int64_t>(json, "head_dim", 0, kWhere);
  if (config.head_dim == 0) {
    require_field(config.hidden % config.heads == 0, "hidden_size", config.hidden,
                  "a multiple of num_attention_heads " + std::to_string(config.heads) +
                      " where head_dim is absent");
    config.head_dim = config.hidden / config.heads;
  }
  config.ffn_hidden = json_get<int64_t>(json, "intermediate_size", kWhere);
  config.vocab = json_get<int64_t>(json, "vocab_size", kWhere);
  read_rope(json, config);
  config.norm_eps = json_get_or<double>(json, "rms_norm_eps", 1e-6, kWhere);
  config.tie_word_embeddings = json_get_or<bool>(json, "tie_word_embeddings", false, kWhere);
  config.biases = qwen2 ? BiasKind::kQueryKeyValue : BiasKind::kNone;
  config.max_position_embeddings =
      json_get_or<int64_t>(json, "max_position_embeddings", qwen2 ? 32768 : 2048, kWhere);
  config.bos_token_id = json_get_or<int64_t>(json, "bos_token_id", -1, kWhere);
  config.eos_token_ids = read_token_ids(json, "eos_token_id");
  config.initializer_range = json_get_or<double>(json, "initializer_range", 0.02, kWhere);
  validate(config);
  return config;
}

bool is_llama_or_qwen2(const LlamaConfig& config) {
  return config.norm == NormKind::kRms && config.feed_forward == FeedForwardKind::kSwiglu &&
         config.positions == PositionKind::kRotary && config.biases != BiasKind::kAll;
}

Json to_json(const LlamaConfig& config) {
  if (is_gpt2(config)) return gpt2_config_to_json(config);
  if (!is_llama_or_qwen2(config)) {
    throw std::invalid_argument(
        std::string(kLlamaConfigWhere) +
        ": norm, feed-forward, positions and biases are neither Llama's, Qwen2's nor GPT-2's; no "
        "config.json can say this");
  }
  const bool qwen2 = config.biases == BiasKind::kQueryKeyValue;
  Json json = {
      {"architectures", {qwen2 ? "Qwen2ForCausalLM" : "LlamaForCausalLM"}},
      {"model_type", qwen2 ? "qwen2" : "llama"},
      {"hidden_act", "silu"},
      {"hidden_size", config.hidden},
      {"num_hidden_layers", config.layers},
      {"num_attention_heads", config.heads},
      {"num_key_value_heads", config.kv_heads},
      {"head_dim", config.head_dim},
      {"intermediate_size", config.ffn_hidden},
      {"vocab_size", config.vocab},
      {"rope_theta", config.rope_theta},
      {"rope_scaling", nullptr},
      {"rms_norm_eps", config.norm_eps},
      {"tie_word_embeddings", config.tie_word_embeddings},
      {"max_position_embeddings", config.max_position_embeddings},
      {"initializer_range", config.initializer_range},
      {"bos_token_id", nullptr},
      {"eos_token_id", nullptr},
  };
  if (qwen2) {
    json["use_sliding_window"] = false;
  } else {
    json["attention_bias"] = false;
    json["mlp_bias"] = false;
  }
  if (config.rope_scaling) {
    json["rope_scaling"] = {{"rope_type", "llama3"},
                            {"factor", config.rope_scaling->factor},
                            {"low_freq_factor", config.rope_scaling->low_freq_factor},
                            {"high_freq_factor", config.rope_scaling->high_freq_factor},
                            {"original_max_position_embeddings",
                             config.rope_scaling->original_max_position_embeddings}};
  } else if (config.rope_dynamic_factor > 0) {
    json["rope_scaling"] = {{"type", "dynamic"}, {"factor", config.rope_dynamic_factor}};
  }
  if (config.bos_token_id >= 0) json["bos_token_id"] = config.bos_token_id;
  if (config.eos_token_ids.size() == 1) {
    json["eos_token_id"] = config.eos_token_ids[0];
  } else if (!config.eos_token_ids.empty()) {
    json["eos_token_id"] = config.eos_token_ids;
  }
  return json;
}

int64_t num_parameters(const LlamaConfig& config) {
  const int64_t hidden = config.hidden;
  const int64_t query = config.heads * config.head_dim;
  const int64_t key = config.kv_heads * config.head_dim;
  const int64_t norm = config.norm == NormKind::kLayer ? 2 * hidden : hidden;
  const int64_t matrices = config.feed_forward == FeedForwardKind::kSwiglu ? 3 : 2;
  int64_t biases = config.biases == BiasKind::kNone ? 0 : query + 2 * key;
  if (config.biases == BiasKind::kAll) {
    biases += hidden + (matrices - 1) * config.ffn_hidden + hidden;  // o, up and gate, down
  }
  const int64_t layer = 2 * hidden * query + 2 * hidden * key +
                        matrices * hidden * config.ffn_hidden + 2 * norm + biases;
  const int64_t positions =
      config.positions == PositionKind::kLearned ? config.max_position_embeddings * hidden : 0;
  const int64_t embeddings =
      ((config.tie_word_embeddings ? 1 : 2) * config.vocab + config.extra_embeddings) * hidden;
  return embeddings + positions + config.layers * layer + norm;
}

}  // namespace nvlm::decoder
