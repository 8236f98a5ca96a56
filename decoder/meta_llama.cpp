#include "decoder/meta_llama.h"

#include <array>
#include <cmath>
#include <stdexcept>
#include <utility>
#include <vector>

#include "common/json.h"
#include "common/weight_store.h"

namespace nvlm::decoder {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMetaEmbedding = "tok_embeddings.weight";

/// How the embedding of these files is cut. No field says so, and the fields that are present do
/// not tell Llama 2 70B from Llama 3: a row that is shorter than `dim` does.
int64_t embedding_cut(const WeightStore& shard, const Json& params) {
  if (!shard.contains(kMetaEmbedding) || !params.contains("dim")) return 0;
  const std::vector<int64_t> shape = shard.entry(kMetaEmbedding).shape;
  return shape.size() == 2 && params["dim"] != shape[1] ? 1 : 0;
}

/// The shards of model parallelism, side by side.
class MetaShards : public WeightSource {
 public:
  MetaShards(fs::path dir, std::vector<WeightStore> shards, const Json& params)
      : dir_(std::move(dir)),
        shards_(std::move(shards)),
        embedding_cut_(shards_.size() > 1 ? embedding_cut(shards_[0], params) : 0) {
    for (const WeightStore& shard : shards_) {
      if (shard.names() == shards_[0].names()) continue;
      throw std::runtime_error("'" + shard.path().string() + "' holds other tensors than '" +
                               shards_[0].path().string() + "'");
    }
  }

  std::vector<std::string> names() const override { return shards_[0].names(); }
  bool contains(const std::string& name) const override { return shards_[0].contains(name); }
  Tensor tensor(const std::string& name) const override {
    const int64_t dim = meta_cut_dimension(name, embedding_cut_);
    if (dim < 0 || shards_.size() == 1) return shards_[0].tensor(name);
    std::vector<Tensor> parts;
    for (const WeightStore& shard : shards_) parts.push_back(shard.tensor(name));
    return at::cat(parts, dim);
  }
  TensorEntry entry(const std::string& name) const override {
    TensorEntry entry = shards_[0].entry(name);
    const auto dim = static_cast<size_t>(meta_cut_dimension(name, embedding_cut_));
    if (dim >= entry.shape.size()) return entry;
    for (size_t i = 1; i < shards_.size(); ++i) {
      const std::vector<int64_t> shape = shards_[i].entry(name).shape;
      if (shape.size() == entry.shape.size()) entry.shape[dim] += shape[dim];
    }
    return entry;
  }
  const fs::path& path() const override { return dir_; }

 private:
  fs::path dir_;
  std::vector<WeightStore> shards_;
  int64_t embedding_cut_;
};

int64_t meta_ffn_hidden(const Json& params, int64_t hidden, const std::string& where) {
  const auto multiple_of = json_get<int64_t>(params, "multiple_of", where);
  const auto multiplier = json_get_or<double>(params, "ffn_dim_multiplier", 1.0, where);
  if (multiple_of < 1 || !(multiplier > 0 && multiplier < 100)) {
    throw std::runtime_error(where + ": multiple_of is " + std::to_string(multiple_of) +
                             " and ffn_dim_multiplier " + std::to_string(multiplier) +
                             ", expected positive numbers");
  }
  const auto wanted = static_cast<int64_t>(multiplier * static_cast<double>(8 * hidden / 3));
  return (wanted + multiple_of - 1) / multiple_of * multiple_of;
}

}  // namespace

fs::path meta_shard_path(const fs::path& dir, size_t number) {
  const std::string digits = std::to_string(number);
  return dir /
         ("consolidated." + std::string(digits.size() < 2 ? 1 : 0, '0') + digits + ".safetensors");
}

int64_t meta_cut_dimension(const std::string& name, int64_t embedding) {
  if (name.find("norm") != std::string::npos || name == "rope.freqs") return -1;
  if (name.ends_with("attention.wo.weight") || name.ends_with("feed_forward.w2.weight")) return 1;
  return name == kMetaEmbedding ? embedding : 0;
}

bool is_meta_llama(const fs::path& dir) {
  return fs::exists(dir / "params.json") && !fs::exists(dir / "config.json");
}

std::unique_ptr<WeightSource> open_meta_weights(const fs::path& dir) {
  std::vector<WeightStore> shards;
  while (fs::exists(meta_shard_path(dir, shards.size()))) {
    shards.push_back(WeightStore::open(meta_shard_path(dir, shards.size())));
  }
  if (shards.empty()) {
    const bool pickled = fs::exists(dir / "consolidated.00.pth");
    throw std::runtime_error(
        "'" + dir.string() + "' lacks consolidated.00.safetensors" +
        (pickled ? "; consolidated.00.pth must be converted to it first" : ""));
  }
  if (fs::exists(meta_shard_path(dir, shards.size() + 1))) {
    throw std::runtime_error("'" + dir.string() + "' lacks the shard '" +
                             meta_shard_path(dir, shards.size()).filename().string() +
                             "', but has the next one");
  }
  return std::make_unique<MetaShards>(dir, std::move(shards), read_json(dir / "params.json"));
}

LlamaConfig meta_llama_config(const Json& params, int64_t vocab, bool has_tied_head,
                              const std::string& where) {
  LlamaConfig config;
  config.hidden = json_get<int64_t>(params, "dim", where);
  config.layers = json_get<int64_t>(params, "n_layers", where);
  config.heads = json_get<int64_t>(params, "n_heads", where);
  config.kv_heads = json_get_or<int64_t>(params, "n_kv_heads", config.heads, where);
  if (config.hidden < 1 || config.hidden > 1 << 18 || config.heads < 1 ||
      config.hidden % config.heads != 0) {
    throw std::runtime_error(where + ": dim is " + std::to_string(config.hidden) +
                             ", expected a multiple of n_heads " + std::to_string(config.heads));
  }
  config.head_dim = config.hidden / config.heads;
  config.ffn_hidden = meta_ffn_hidden(params, config.hidden, where);
  config.norm_eps = json_get_or<double>(params, "norm_eps", 1e-5, where);
  config.rope_theta = json_get_or<double>(params, "rope_theta", 10000.0, where);
  config.vocab = json_get_or<int64_t>(params, "vocab_size", -1, where);
  if (config.vocab < 0) config.vocab = vocab;
  config.tie_word_embeddings = has_tied_head;
  if (json_get_or<bool>(params, "use_scaled_rope", false, where)) {
    config.rope_scaling = Llama3RopeScaling{};
    if (has_tied_head) config.rope_scaling->factor = 32;
  }
  config.max_position_embeddings = config.rope_scaling             ? 131072
                                   : params.contains("rope_theta") ? 8192
                                                                   : 4096;
  try {
    validate(config);
  } catch (const std::invalid_argument& error) {
    throw std::runtime_error(where + ": " + error.what());
  }
  return config;
}

LlamaConfig meta_llama_config(const fs::path& dir, const WeightSource& weights) {
  const fs::path path = dir / "params.json";
  std::vector<int64_t> embedding;
  if (weights.contains(kMetaEmbedding)) embedding = weights.entry(kMetaEmbedding).shape;
  return meta_llama_config(read_json(path), embedding.empty() ? -1 : embedding[0],
                           !weights.contains("output.weight"), path.string());
}

std::map<std::string, TensorOrigin> meta_llama_origins(const LlamaConfig& config) {
  static constexpr std::array<std::pair<const char*, const char*>, 9> kParts = {{
      {"self_attn.q_proj", "attention.wq"},
      {"self_attn.k_proj", "attention.wk"},
      {"self_attn.v_proj", "attention.wv"},
      {"self_attn.o_proj", "attention.wo"},
      {"mlp.gate_proj", "feed_forward.w1"},
      {"mlp.up_proj", "feed_forward.w3"},
      {"mlp.down_proj", "feed_forward.w2"},
      {"input_layernorm", "attention_norm"},
      {"post_attention_layernorm", "ffn_norm"},
  }};
  std::map<std::string, TensorOrigin> origins;
  origins["model.embed_tokens.weight"].name = kMetaEmbedding;
  origins["model.norm.weight"].name = "norm.weight";
  if (!config.tie_word_embeddings) origins["lm_head.weight"].name = "output.weight";
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    const std::string number = "layers." + std::to_string(layer) + ".";
    for (const auto& [ours, theirs] : kParts) {
      origins["model." + number + ours + ".weight"].name = number + theirs + ".weight";
    }
    origins["model." + number + "self_attn.q_proj.weight"].interleaved_heads = config.heads;
    origins["model." + number + "self_attn.k_proj.weight"].interleaved_heads = config.kv_heads;
  }
  return origins;
}

}  // namespace nvlm::decoder
