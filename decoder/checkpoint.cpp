#include "decoder/checkpoint.h"

#include <map>
#include <memory>
#include <stdexcept>
#include <utility>

#include "common/json.h"
#include "common/parameter_scope.h"
#include "common/safetensors.h"
#include "common/weight_store.h"
#include "decoder/gpt2.h"
#include "decoder/meta_llama.h"

namespace nvlm::decoder {
namespace {

namespace fs = std::filesystem;

LlamaConfig read_config(const fs::path& path) {
  const Json json = read_json(path);
  try {
    return llama_config_from_json(json);
  } catch (const std::exception& error) {
    throw std::runtime_error(path.string() + ": " + error.what());
  }
}

// Counted without taking memory for them.
PartSizes described_sizes(const LlamaConfig& config) {
  const ParameterScope shapes_only({.device = at::kMeta});
  return part_sizes(*LlamaForCausalLM(config));
}

Json generation_json(const LlamaConfig& config) {
  Json all = to_json(config);
  return {{"bos_token_id", all["bos_token_id"]}, {"eos_token_id", all["eos_token_id"]}};
}

}  // namespace

std::string torch_dtype_name(at::ScalarType dtype) {
  switch (dtype) {
    case at::kBFloat16:
      return "bfloat16";
    case at::kHalf:
      return "float16";
    case at::kDouble:
      return "float64";
    default:
      return "float32";
  }
}

void check_plausible(const LlamaConfig& config, const WeightSource& weights) {
  check_plausible(num_parameters(config), weights);
}

void check_plausible(int64_t parameters, const WeightSource& weights) {
  constexpr int64_t kSlack = 1 << 20;  // small files with a wrong field get the detailed report
  int64_t stored = 0;
  for (const std::string& name : weights.names()) {
    stored += c10::multiply_integers(weights.entry(name).shape);
  }
  if (parameters / 2 <= stored + kSlack) return;
  throw std::runtime_error("decoder.checkpoint: the configuration describes " +
                           std::to_string(parameters) + " parameters, but '" +
                           weights.path().string() + "' holds " + std::to_string(stored));
}

LoadOptions llama_load_options(const LlamaConfig& config, at::ScalarType dtype,
                               const std::string& prefix) {
  LoadOptions options{
      .prefix = prefix, .ignored = {"rotary_emb.inv_freq", "rope.freqs"}, .dtype = dtype};
  if (is_gpt2(config)) {  // causal masks that old files hold
    options.ignored.insert(options.ignored.end(), {".attn.bias", ".attn.masked_bias"});
  }
  if (config.tie_word_embeddings) options.ignored.emplace_back("lm_head.weight");
  return options;
}

LlamaForCausalLM load_llama(const fs::path& dir, at::ScalarType dtype) {
  return load_llama(dir, on_cpu(dtype));
}

LlamaForCausalLM load_llama(const fs::path& dir, const PlaceModel& place) {
  const auto load = [&](const LlamaConfig& config, const WeightSource& weights) {
    check_plausible(config, weights);
    const ParameterStyle style = place(described_sizes(config));
    const ParameterScope scope(style);
    LlamaForCausalLM model(config);
    load_weights(*model, weights, llama_load_options(config, style.dtype));
    return model;
  };
  if (is_meta_llama(dir)) {
    const std::unique_ptr<WeightSource> stored = open_meta_weights(dir);
    const LlamaConfig config = meta_llama_config(dir, *stored);
    return load(config, TranslatedWeights(*stored, meta_llama_origins(config)));
  }
  const LlamaConfig config = read_config(dir / "config.json");
  const WeightStore stored = WeightStore::open(dir);
  if (!is_gpt2(config)) return load(config, stored);
  const std::string prefix = stored.contains("wte.weight") ? "" : "transformer.";
  return load(config, TranslatedWeights(stored, gpt2_origins(config, prefix)));
}

void save_llama(const fs::path& dir, const LlamaForCausalLM& model) {
  fs::create_directories(dir);
  Json config = to_json(model->config());
  config["torch_dtype"] = torch_dtype_name(model->model->embed_tokens->weight.scalar_type());
  write_json(dir / "config.json", config);
  write_json(dir / "generation_config.json", generation_json(model->config()));
  std::map<std::string, Tensor> tensors = state_dict(*model);
  if (is_gpt2(model->config())) tensors = gpt2_state_dict(tensors, model->config());
  write_safetensors(dir / "model.safetensors", tensors, {{"format", "pt"}});
}

GenerationConfig load_generation_config(const fs::path& dir, std::vector<int64_t> stop_tokens) {
  GenerationConfig config;
  config.eos_token_ids = std::move(stop_tokens);
  const fs::path path = dir / "generation_config.json";
  if (!fs::exists(path)) return config;
  const Json json = read_json(path);
  const std::string where = path.string();
  const Json stops = json_get_or<Json>(json, "eos_token_id", Json(), where);
  if (stops.is_array()) {
    config.eos_token_ids = json_get<std::vector<int64_t>>(json, "eos_token_id", where);
  } else if (!stops.is_null()) {
    config.eos_token_ids = {json_get<int64_t>(json, "eos_token_id", where)};
  }
  config.max_new_tokens =
      json_get_or<int64_t>(json, "max_new_tokens", config.max_new_tokens, where);
  if (json_get_or<bool>(json, "do_sample", false, where)) {
    constexpr int64_t kHuggingFaceTopK = 50;  // its default when a file asks for sampling
    config.sampling.temperature = json_get_or<double>(json, "temperature", 1.0, where);
    config.sampling.top_k = json_get_or<int64_t>(json, "top_k", kHuggingFaceTopK, where);
    config.sampling.top_p = json_get_or<double>(json, "top_p", 1.0, where);
  }
  try {
    validate(config.sampling);
  } catch (const std::invalid_argument& error) {
    throw std::runtime_error(where + ": " + error.what());
  }
  return config;
}

}  // namespace nvlm::decoder
