// GPT-2's and Meta's layouts, made from models of ours: what is written there is read back.
#include <fstream>
#include <map>
#include <string>

#include "common/json.h"
#include "common/safetensors.h"
#include "decoder/checkpoint.h"
#include "decoder/gpt2.h"
#include "tests/decoder/llama_support.h"
#include "tests/support/temp_dir.h"

namespace nvlm::test {
namespace {

using decoder::LlamaConfig;

LlamaConfig tiny_gpt2_config() {
  LlamaConfig config = tiny_llama_config();
  config.heads = config.kv_heads = 3;
  config.head_dim = 8;
  config.norm = decoder::NormKind::kLayer;
  config.feed_forward = decoder::FeedForwardKind::kGelu;
  config.positions = decoder::PositionKind::kLearned;
  config.biases = decoder::BiasKind::kAll;
  config.tie_word_embeddings = true;
  config.max_position_embeddings = 16;
  return config;
}

Tensor logits_of(decoder::LlamaForCausalLM& model, const Tensor& ids) {
  return model(model->text_inputs(ids, all_real(ids)));
}

/// Our weights in Meta's layout, cut into `shards` as model parallelism cuts them.
void write_meta(const std::filesystem::path& dir, const decoder::LlamaForCausalLM& model,
                int64_t shards) {
  const LlamaConfig& config = model->config();
  const std::map<std::string, std::pair<std::string, int64_t>> names = {
      {"self_attn.q_proj", {"attention.wq", 0}},     {"self_attn.k_proj", {"attention.wk", 0}},
      {"self_attn.v_proj", {"attention.wv", 0}},     {"self_attn.o_proj", {"attention.wo", 1}},
      {"mlp.gate_proj", {"feed_forward.w1", 0}},     {"mlp.up_proj", {"feed_forward.w3", 0}},
      {"mlp.down_proj", {"feed_forward.w2", 1}},     {"input_layernorm", {"attention_norm", -1}},
      {"post_attention_layernorm", {"ffn_norm", -1}}};
  std::vector<std::map<std::string, Tensor>> files(static_cast<size_t>(shards));
  const auto put = [&](const std::string& name, const Tensor& tensor, int64_t dim) {
    for (int64_t i = 0; i < shards; ++i) {
      files[static_cast<size_t>(i)][name] =
          dim < 0 ? tensor : tensor.chunk(shards, dim)[i].contiguous();
    }
  };
  for (const auto& item : model->named_parameters()) {
    const std::string& key = item.key();
    Tensor tensor = item.value().detach();
    if (key == "model.embed_tokens.weight") put("tok_embeddings.weight", tensor, 0);
    if (key == "model.norm.weight") put("norm.weight", tensor, -1);
    if (key == "lm_head.weight") put("output.weight", tensor, 0);
    for (const auto& [ours, theirs] : names) {
      const std::string suffix = "." + ours + ".weight";
      if (!key.ends_with(suffix)) continue;
      const bool is_query = ours == "self_attn.q_proj";
      if (is_query || ours == "self_attn.k_proj") {  // halves -> pairs
        const int64_t heads = is_query ? config.heads : config.kv_heads;
        tensor =
            tensor.view({heads, 2, config.head_dim / 2, -1}).transpose(1, 2).reshape_as(tensor);
      }
      const std::string layer = key.substr(6, key.size() - 6 - suffix.size());  // "layers.N"
      put(layer + "." + theirs.first + ".weight", tensor, theirs.second);
    }
  }
  std::filesystem::create_directories(dir);
  for (int64_t i = 0; i < shards; ++i) {
    write_safetensors(dir / ("consolidated.0" + std::to_string(i) + ".safetensors"),
                      files[static_cast<size_t>(i)]);
  }
  write_json(dir / "params.json", {{"dim", config.hidden},
                                   {"n_layers", config.layers},
                                   {"n_heads", config.heads},
                                   {"n_kv_heads", config.kv_heads},
                                   {"multiple_of", config.ffn_hidden},
                                   {"ffn_dim_multiplier", 0.1},
                                   {"vocab_size", -1},
                                   {"norm_eps", config.norm_eps},
                                   {"rope_theta", config.rope_theta}});
}

LlamaConfig tiny_meta_config() {
  LlamaConfig config = tiny_llama_config();
  config.heads = 6;
  config.kv_heads = 2;
  config.head_dim = config.hidden / config.heads;
  config.vocab = 36;
  return config;
}

std::string load_error(const std::filesystem::path& dir) {
  try {
    decoder::load_llama(dir);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("a GPT-2 is saved in GPT-2's layout and read back with the same logits") {
  const at::NoGradGuard no_grad;
  decoder::LlamaForCausalLM model = tiny_llama(5, at::kFloat, tiny_gpt2_config());
  const TempDir dir;
  decoder::save_llama(dir / "gpt2", model);
  const SafetensorsFile file = SafetensorsFile::open(dir / "gpt2/model.safetensors");
  CHECK(file.contains("transformer.h.2.attn.c_attn.weight"));
  CHECK(file.entries().at("transformer.h.0.attn.c_attn.weight").shape ==
        std::vector<int64_t>{24, 72});
  int64_t stored = 0;
  for (const auto& [name, entry] : file.entries()) {
    stored += c10::multiply_integers(entry.shape);
  }
  CHECK(stored == decoder::num_parameters(model->config()));

  decoder::LlamaForCausalLM loaded = decoder::load_llama(dir / "gpt2");
  Random random(5);
  const Tensor ids = random_ids(random, 2, 7);
  CHECK(at::equal(logits_of(model, ids), logits_of(loaded, ids)));
  CHECK_THROWS_WITH(logits_of(model, random_ids(random, 1, 17)),
                    doctest::Contains("17 positions, expected at most 16: the learned ones"));
}

TEST_CASE("each switch of the ladder alone gives a model that trains, and no config.json") {
  Random random(6);
  const Tensor ids = random_ids(random, 2, 5);
  const LlamaConfig gpt2 = tiny_gpt2_config();
  std::vector<LlamaConfig> rungs(4, tiny_llama_config());
  rungs[0].norm = gpt2.norm;
  rungs[1].feed_forward = gpt2.feed_forward;
  rungs[2].positions = gpt2.positions;
  rungs[3].biases = gpt2.biases;
  for (const LlamaConfig& config : rungs) {
    decoder::LlamaForCausalLM model = tiny_llama(6, at::kFloat, config);
    logits_of(model, ids).square().mean().backward();
    int64_t parameters = 0;
    for (const auto& item : model->named_parameters()) {
      CAPTURE(item.key());
      CHECK(item.value().grad().defined());
      parameters += item.value().numel();
    }
    CHECK(parameters == decoder::num_parameters(config));
    CHECK_THROWS_WITH_AS(to_json(config), doctest::Contains("no config.json can say this"),
                         std::invalid_argument);
  }
}

TEST_CASE("Meta's layout in one and in two shards") {
  const at::NoGradGuard no_grad;
  decoder::LlamaForCausalLM model = tiny_llama(7, at::kFloat, tiny_meta_config());
  Random random(7);
  const Tensor ids = random_ids(random, 2, 7, 36);
  for (const int64_t shards : {1, 2}) {
    CAPTURE(shards);
    const TempDir dir;
    write_meta(dir / "meta", model, shards);
    decoder::LlamaForCausalLM loaded = decoder::load_llama(dir / "meta");
    CHECK(loaded->config().ffn_hidden == model->config().ffn_hidden);
    CHECK(loaded->config().vocab == 36);
    CHECK(at::equal(logits_of(model, ids), logits_of(loaded, ids)));
  }
}

TEST_CASE("what is wrong with other layouts is named as their files name it") {
  const decoder::LlamaForCausalLM model = tiny_llama(7, at::kFloat, tiny_meta_config());
  const TempDir dir;
  write_meta(dir / "gap", model, 3 - 1);
  std::filesystem::rename(dir / "gap/consolidated.01.safetensors",
                          dir / "gap/consolidated.02.safetensors");
  CHECK(load_error(dir / "gap").find("lacks the shard 'consolidated.01.safetensors'") !=
        std::string::npos);
  write_meta(dir / "none", model, 1);
  std::filesystem::rename(dir / "none/consolidated.00.safetensors",
                          dir / "none/consolidated.00.pth");
  CHECK(load_error(dir / "none").find("consolidated.00.pth must be converted") !=
        std::string::npos);
  write_meta(dir / "fewer", model, 1);
  const std::filesystem::path weights = dir / "fewer/consolidated.00.safetensors";
  std::map<std::string, Tensor> tensors;
  const SafetensorsFile file = SafetensorsFile::open(weights);
  for (const auto& [name, entry] : file.entries()) {
    if (name != "layers.1.attention.wq.weight") tensors[name] = file.tensor(name);
  }
  tensors["surplus"] = at::ones({2});
  write_safetensors(weights, tensors);
  const std::string error = load_error(dir / "fewer");
  CHECK(error.find("missing 'layers.1.attention.wq.weight'") != std::string::npos);
  CHECK(error.find("unexpected 'surplus'") != std::string::npos);

  Json params = read_json(dir / "fewer/params.json");
  params["dim"] = 25;
  write_json(dir / "fewer/params.json", params);
  CHECK(load_error(dir / "fewer").find("params.json: dim is 25") != std::string::npos);
  params["dim"] = 24;
  params["multiple_of"] = 0;
  write_json(dir / "fewer/params.json", params);
  CHECK(load_error(dir / "fewer").find("multiple_of is 0") != std::string::npos);

  const Json gpt2 = {{"architectures", {"GPT2LMHeadModel"}},
                     {"n_embd", 24},
                     {"n_layer", 1},
                     {"n_head", 5},
                     {"vocab_size", 9},
                     {"n_positions", 4}};
  CHECK_THROWS_WITH(
      decoder::llama_config_from_json(gpt2),
      doctest::Contains("n_embd is 24, expected at most 262144 and a multiple of n_head 5"));
  Json relu = gpt2;
  relu["activation_function"] = "relu";
  CHECK_THROWS_WITH(decoder::llama_config_from_json(relu), doctest::Contains("'relu'"));
}

}  // namespace nvlm::test
