#include <ATen/core/grad_mode.h>

#include <array>
#include <stdexcept>
#include <utility>
#include <vector>

#include "common/load_weights.h"
#include "common/safetensors.h"
#include "decoder/meta_llama.h"

namespace nvlm::decoder {
namespace {

namespace fs = std::filesystem;

template <class T>
void require_meta(bool fine, const char* field, const T& value, const std::string& expected) {
  if (fine) return;
  throw std::invalid_argument(std::string("decoder.meta: ") + field + " is " +
                              std::to_string(value) + ", expected " + expected +
                              ": params.json cannot say anything else");
}

void require_meta_family(const LlamaConfig& config) {
  if (is_llama_or_qwen2(config) && config.biases == BiasKind::kNone) return;
  throw std::invalid_argument(
      std::string("decoder.meta: the model is a ") +
      (config.biases == BiasKind::kQueryKeyValue ? "Qwen2" : "GPT-2 or a mixture of switches") +
      ", expected a Llama: Meta's layout has no other family");
}

/// multiple_of and, where need be, ffn_dim_multiplier, from which Meta's code computes the width of
/// the feed-forward: 8/3 of the hidden size, times the multiplier, rounded up to the multiple.
void put_ffn_hidden(Json& params, const LlamaConfig& config) {
  const int64_t base = 8 * config.hidden / 3;
  // Tried in this order, each published Llama gets its own numbers or ones that mean the same.
  constexpr std::array<double, 4> kPublishedMultipliers = {1.0, 1.3, 1.5, 1.2};
  constexpr std::array<int64_t, 3> kPublishedMultiples = {4096, 1024, 256};
  const auto put = [&](double multiplier, int64_t multiple_of) {
    params["multiple_of"] = multiple_of;
    if (multiplier != 1.0) params["ffn_dim_multiplier"] = multiplier;
  };
  for (const double multiplier : kPublishedMultipliers) {
    const auto wanted = static_cast<int64_t>(multiplier * static_cast<double>(base));
    for (const int64_t multiple : kPublishedMultiples) {
      if ((wanted + multiple - 1) / multiple * multiple != config.ffn_hidden) continue;
      return put(multiplier, multiple);
    }
  }
  // Any other width: the width itself is the multiple, and what is rounded up lies below it.
  put(base <= config.ffn_hidden
          ? 1.0
          : 0.5 * static_cast<double>(config.ffn_hidden) / static_cast<double>(base),
      config.ffn_hidden);
}

/// Our tensor as Meta stores it.
Tensor meta_tensor(const Tensor& tensor, const TensorOrigin& origin) {
  if (origin.interleaved_heads == 0) return tensor;
  return tensor
      .unflatten(0, {origin.interleaved_heads, 2, -1})  // halves of each head
      .transpose(1, 2)
      .flatten(0, 2);  // pairs
}

}  // namespace

Json meta_llama_params(const LlamaConfig& config) {
  require_meta_family(config);
  require_meta(config.head_dim * config.heads == config.hidden, "head_dim", config.head_dim,
               "hidden_size / num_attention_heads");
  require_meta(config.extra_embeddings == 0, "extra_embeddings", config.extra_embeddings, "0");
  require_meta(config.rope_dynamic_factor == 0, "rope_scaling.factor of type dynamic",
               config.rope_dynamic_factor, "none");
  Json params = {{"dim", config.hidden},
                 {"n_layers", config.layers},
                 {"n_heads", config.heads},
                 {"vocab_size", config.vocab},
                 {"norm_eps", config.norm_eps}};
  // Left out where Llama 2 leaves them out.
  if (config.kv_heads != config.heads) params["n_kv_heads"] = config.kv_heads;
  if (config.rope_theta != 10000) params["rope_theta"] = config.rope_theta;
  put_ffn_hidden(params, config);
  if (!config.rope_scaling) return params;

  params["use_scaled_rope"] = true;
  const Llama3RopeScaling known =
      *meta_llama_config(params, config.vocab, config.tie_word_embeddings, "params.json")
           .rope_scaling;
  const Llama3RopeScaling& ours = *config.rope_scaling;
  const auto check = [](const char* field, auto value, auto expected) {
    require_meta(value == expected, field, value, std::to_string(expected));
  };
  check("rope_scaling.factor", ours.factor, known.factor);
  check("rope_scaling.low_freq_factor", ours.low_freq_factor, known.low_freq_factor);
  check("rope_scaling.high_freq_factor", ours.high_freq_factor, known.high_freq_factor);
  check("rope_scaling.original_max_position_embeddings", ours.original_max_position_embeddings,
        known.original_max_position_embeddings);
  return params;
}

void save_meta_llama(const fs::path& dir, const LlamaForCausalLM& model, int64_t shards) {
  const LlamaConfig& config = model->config();
  const Json params = meta_llama_params(config);
  if (shards < 1 || config.kv_heads % shards != 0) {
    throw std::invalid_argument("decoder.meta: " + std::to_string(shards) +
                                " shards, expected a divisor of num_key_value_heads " +
                                std::to_string(config.kv_heads));
  }
  const int64_t embedding_cut = params.contains("rope_theta") ? 0 : 1;  // Llama 3, Llama 2
  const at::NoGradGuard no_grad;
  const std::map<std::string, Tensor> ours = state_dict(*model);
  std::vector<std::map<std::string, Tensor>> files(static_cast<size_t>(shards));
  for (const auto& [name, origin] : meta_llama_origins(config)) {
    const Tensor tensor = meta_tensor(ours.at(name), origin);
    const int64_t dim = shards == 1 ? -1 : meta_cut_dimension(origin.name, embedding_cut);
    if (dim >= 0 && tensor.size(dim) % shards != 0) {
      throw std::invalid_argument("decoder.meta: " + std::to_string(shards) + " shards of '" +
                                  origin.name + "', expected a divisor of its " +
                                  std::to_string(tensor.size(dim)) +
                                  (dim == 0 ? " rows" : " columns"));
    }
    for (int64_t i = 0; i < shards; ++i) {
      files[static_cast<size_t>(i)][origin.name] = dim < 0 ? tensor : tensor.chunk(shards, dim)[i];
    }
  }
  fs::create_directories(dir);
  write_json(dir / "params.json", params);
  for (size_t i = 0; i < files.size(); ++i) write_safetensors(meta_shard_path(dir, i), files[i]);
}

}  // namespace nvlm::decoder
