#include "decoder/gpt2.h"

#include <array>
#include <stdexcept>
#include <vector>

namespace nvlm::decoder {
namespace {

constexpr const char* kGpt2Where = "decoder.config";

/// A linear map or norm within a layer: our name, GPT-2's, and how they differ.
struct Gpt2Part {
  const char* ours;
  const char* theirs;
  bool is_matrix;
  int64_t part, num_parts;
};

constexpr std::array<Gpt2Part, 8> kGpt2Layer = {{
    {"input_layernorm", "ln_1", false, 0, 1},
    {"self_attn.q_proj", "attn.c_attn", true, 0, 3},
    {"self_attn.k_proj", "attn.c_attn", true, 1, 3},
    {"self_attn.v_proj", "attn.c_attn", true, 2, 3},
    {"self_attn.o_proj", "attn.c_proj", true, 0, 1},
    {"post_attention_layernorm", "ln_2", false, 0, 1},
    {"mlp.up_proj", "mlp.c_fc", true, 0, 1},
    {"mlp.down_proj", "mlp.c_proj", true, 0, 1},
}};

void require_default(const Json& json, const char* key, bool value) {
  if (json_get_or<bool>(json, key, value, kGpt2Where) == value) return;
  throw std::runtime_error(std::string(kGpt2Where) + ": " + key + " is " +
                           (value ? "false, expected true" : "true, expected false"));
}

}  // namespace

bool is_gpt2(const Json& json) {
  const auto architectures =
      json_get_or<std::vector<std::string>>(json, "architectures", {}, kGpt2Where);
  if (!architectures.empty()) return architectures[0].starts_with("GPT2");
  return json_get_or(json, "model_type", "", kGpt2Where) == "gpt2";
}

bool is_gpt2(const LlamaConfig& config) {
  return config.norm == NormKind::kLayer && config.feed_forward == FeedForwardKind::kGelu &&
         config.positions == PositionKind::kLearned && config.biases == BiasKind::kAll &&
         config.kv_heads == config.heads && config.hidden == config.heads * config.head_dim &&
         config.tie_word_embeddings;
}

LlamaConfig gpt2_switches() {
  LlamaConfig config;
  config.norm = NormKind::kLayer;
  config.feed_forward = FeedForwardKind::kGelu;
  config.positions = PositionKind::kLearned;
  config.biases = BiasKind::kAll;
  config.tie_word_embeddings = true;
  return config;
}

LlamaConfig gpt2_config_from_json(const Json& json) {
  const std::string activation = json_get_or(json, "activation_function", "gelu_new", kGpt2Where);
  if (activation != "gelu_new" && activation != "gelu_pytorch_tanh") {
    throw std::runtime_error(std::string(kGpt2Where) + ": activation_function is '" + activation +
                             "', expected 'gelu_new'");
  }
  require_default(json, "scale_attn_weights", true);
  require_default(json, "scale_attn_by_inverse_layer_idx", false);
  require_default(json, "tie_word_embeddings", true);
  LlamaConfig config = gpt2_switches();
  config.hidden = json_get<int64_t>(json, "n_embd", kGpt2Where);
  config.layers = json_get<int64_t>(json, "n_layer", kGpt2Where);
  config.heads = json_get<int64_t>(json, "n_head", kGpt2Where);
  config.kv_heads = config.heads;
  // Before anything is multiplied; validate() knows the other bounds.
  if (config.hidden < 1 || config.hidden > 1 << 18 || config.heads < 1 ||
      config.hidden % config.heads != 0) {
    throw std::invalid_argument(
        std::string(kGpt2Where) + ": n_embd is " + std::to_string(config.hidden) +
        ", expected at most 262144 and a multiple of n_head " + std::to_string(config.heads));
  }
  config.head_dim = config.hidden / config.heads;
  const Json inner = json_get_or<Json>(json, "n_inner", Json(), kGpt2Where);
  config.ffn_hidden =
      inner.is_null() ? 4 * config.hidden : json_get<int64_t>(json, "n_inner", kGpt2Where);
  config.vocab = json_get<int64_t>(json, "vocab_size", kGpt2Where);
  config.max_position_embeddings = json_get<int64_t>(json, "n_positions", kGpt2Where);
  config.norm_eps = json_get_or<double>(json, "layer_norm_epsilon", 1e-5, kGpt2Where);
  config.bos_token_id = json_get_or<int64_t>(json, "bos_token_id", -1, kGpt2Where);
  const int64_t stop = json_get_or<int64_t>(json, "eos_token_id", -1, kGpt2Where);
  if (stop >= 0) config.eos_token_ids = {stop};
  config.initializer_range = json_get_or<double>(json, "initializer_range", 0.02, kGpt2Where);
  validate(config);
  return config;
}

Json gpt2_config_to_json(const LlamaConfig& config) {
  const auto id_or_null = [](int64_t id) { return id >= 0 ? Json(id) : Json(); };
  return {
      {"architectures", {"GPT2LMHeadModel"}},
      {"model_type", "gpt2"},
      {"activation_function", "gelu_new"},
      {"n_embd", config.hidden},
      {"n_layer", config.layers},
      {"n_head", config.heads},
      {"n_inner", config.ffn_hidden},
      {"n_positions", config.max_position_embeddings},
      {"n_ctx", config.max_position_embeddings},
      {"vocab_size", config.vocab},
      {"layer_norm_epsilon", config.norm_eps},
      {"initializer_range", config.initializer_range},
      {"tie_word_embeddings", true},
      {"bos_token_id", id_or_null(config.bos_token_id)},
      {"eos_token_id", id_or_null(config.eos_token_ids.empty() ? -1 : config.eos_token_ids[0])},
  };
}

std::map<std::string, TensorOrigin> gpt2_origins(const LlamaConfig& config,
                                                 const std::string& prefix) {
  std::map<std::string, TensorOrigin> origins;
  origins["model.embed_tokens.weight"].name = prefix + "wte.weight";
  origins["model.embed_positions.weight"].name = prefix + "wpe.weight";
  for (const char* kind : {"weight", "bias"}) {
    origins[std::string("model.norm.") + kind].name = prefix + "ln_f." + kind;
    for (int64_t layer = 0; layer < config.layers; ++layer) {
      const std::string number = std::to_string(layer) + ".";
      for (const Gpt2Part& part : kGpt2Layer) {
        TensorOrigin& origin = origins["model.layers." + number + part.ours + "." + kind];
        origin.name = prefix + "h." + number + part.theirs + "." + kind;
        origin.transposed = part.is_matrix && kind == std::string("weight");
        origin.part = part.part;
        origin.num_parts = part.num_parts;
      }
    }
  }
  return origins;
}

std::map<std::string, Tensor> gpt2_state_dict(const std::map<std::string, Tensor>& tensors,
                                              const LlamaConfig& config) {
  std::map<std::string, std::vector<Tensor>> parts;  // by GPT-2's name
  for (const auto& [name, origin] : gpt2_origins(config, "transformer.")) {
    std::vector<Tensor>& rows = parts[origin.name];
    rows.resize(static_cast<size_t>(origin.num_parts));
    const Tensor& tensor = tensors.at(name);
    rows[static_cast<size_t>(origin.part)] = origin.transposed ? tensor.t() : tensor;
  }
  std::map<std::string, Tensor> result;
  for (const auto& [name, rows] : parts) {
    result[name] = rows.size() == 1 ? rows[0] : at::cat(rows, /*dim=*/-1);
  }
  return result;
}

}  // namespace nvlm::decoder
