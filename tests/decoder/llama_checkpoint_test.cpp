// Configuration files, and checkpoints that are written, read again, or damaged.
#include <string>

#include "common/json.h"
#include "common/safetensors.h"
#include "decoder/checkpoint.h"
#include "tests/decoder/llama_support.h"
#include "tests/support/temp_dir.h"

namespace nvlm::test {
namespace {

using decoder::LlamaConfig;

Json minimal_config() {
  return {{"hidden_size", 24},       {"num_hidden_layers", 2}, {"num_attention_heads", 4},
          {"intermediate_size", 20}, {"vocab_size", 37},       {"hidden_act", "silu"}};
}

std::string message_of(const Json& json) {
  try {
    decoder::llama_config_from_json(json);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

std::string message_of_loading(const std::filesystem::path& dir) {
  try {
    decoder::load_llama(dir);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

void check_mentions(const std::string& message, const std::string& part) {
  CAPTURE(message);
  CHECK(message.find(part) != std::string::npos);
}

}  // namespace

TEST_CASE("both spellings of a configuration mean the same") {
  const auto folder = golden("02_llama31");
  const LlamaConfig older = decoder::llama_config_from_json(read_json(folder / "config.json"));
  const LlamaConfig newer = decoder::llama_config_from_json(read_json(folder / "config.v5.json"));
  CHECK(to_json(older) == to_json(newer));
  CHECK(older.rope_theta == 500000);
  REQUIRE(older.rope_scaling);
  CHECK(older.rope_scaling->original_max_position_embeddings == 64);
  CHECK(older.eos_token_ids == std::vector<int64_t>{4, 6, 7});
  CHECK(older.head_dim == 12);
}

TEST_CASE("what is written is read again") {
  for (const char* name : {"01_llama2", "02_llama31", "03_llama32", "04_qwen2"}) {
    const Json file = read_json(golden(name) / "config.json");
    const LlamaConfig config = decoder::llama_config_from_json(file);
    const Json written = to_json(config);
    CHECK(to_json(decoder::llama_config_from_json(written)) == written);
    for (const auto& [key, value] : written.items()) {
      CAPTURE(key);
      if (file.contains(key) && key != "rope_scaling") CHECK(file.at(key) == value);
    }
  }
}

TEST_CASE("absent fields take the families' defaults") {
  const LlamaConfig llama = decoder::llama_config_from_json(minimal_config());
  CHECK(llama.kv_heads == 4);
  CHECK(llama.head_dim == 6);
  CHECK(llama.rope_theta == 10000);
  CHECK((llama.biases == decoder::BiasKind::kNone));
  CHECK(llama.bos_token_id == -1);
  CHECK(llama.eos_token_ids.empty());
  // NVLM-D's language model says "llama", but is a Qwen2 with dynamic scaling.
  Json nvlm = minimal_config();
  nvlm["model_type"] = "llama";
  nvlm["architectures"] = {"Qwen2ForCausalLM"};
  nvlm["attention_bias"] = true;
  nvlm["rope_scaling"] = {{"type", "dynamic"}, {"factor", 3.0}};
  const LlamaConfig qwen = decoder::llama_config_from_json(nvlm);
  CHECK((qwen.biases == decoder::BiasKind::kQueryKeyValue));
  CHECK(qwen.rope_dynamic_factor == 3);
  CHECK(to_json(qwen).at("rope_scaling").at("type") == "dynamic");
}

TEST_CASE("a configuration that cannot work is refused by field") {
  const auto with = [](const char* key, Json value) {
    Json json = minimal_config();
    json[key] = std::move(value);
    return message_of(json);
  };
  CHECK(message_of(minimal_config()) == "no error");
  Json without = minimal_config();
  without.erase("vocab_size");
  check_mentions(message_of(without), "'vocab_size' is missing");
  check_mentions(with("hidden_size", "24"), "'hidden_size'");
  check_mentions(with("num_key_value_heads", 3), "num_key_value_heads is 3, expected a divisor");
  check_mentions(with("num_attention_heads", 0), "num_attention_heads is 0");
  check_mentions(with("num_attention_heads", 5), "expected a multiple of num_attention_heads 5");
  check_mentions(with("head_dim", 7), "head_dim is 7, expected an even number");
  check_mentions(with("num_hidden_layers", int64_t{1} << 40), "num_hidden_layers");
  check_mentions(with("rms_norm_eps", 0), "rms_norm_eps is 0");
  check_mentions(with("rope_theta", -1), "rope_theta is -1");
  check_mentions(with("hidden_act", "gelu"), "hidden_act is 'gelu'");
  check_mentions(with("attention_bias", true), "attention_bias");
  check_mentions(with("mlp_bias", true), "mlp_bias");
  check_mentions(with("use_sliding_window", true), "use_sliding_window");
  check_mentions(with("rope_scaling", {{"type", "yarn"}, {"factor", 2.0}}), "'yarn'");
  check_mentions(with("rope_scaling", {{"rope_type", "llama3"}, {"factor", 2.0}}),
                 "'low_freq_factor' is missing");
  check_mentions(with("rope_scaling", 3), "rope_scaling is 3, expected an object");
  check_mentions(with("eos_token_id", -3), "eos_token_id is -3");
  check_mentions(message_of(Json::array()), "decoder.config");
  LlamaConfig config = tiny_llama_config();
  config.kv_heads = 4;
  CHECK_THROWS_AS(decoder::LlamaForCausalLM{config}, std::invalid_argument);
}

TEST_CASE("a saved model loads with the same logits") {
  const at::NoGradGuard no_grad;
  Random random(31);
  const Tensor ids = random_ids(random, 2, 5);
  for (const bool tied : {false, true}) {
    LlamaConfig config = tiny_llama_config();
    config.tie_word_embeddings = tied;
    if (tied) config.biases = decoder::BiasKind::kQueryKeyValue;
    config.eos_token_ids = {3, 5};
    config.rope_scaling = decoder::Llama3RopeScaling{};
    decoder::LlamaForCausalLM model = tiny_llama(31, at::kFloat, config);
    const TempDir dir;
    decoder::save_llama(dir / "model", model);
    const auto file = SafetensorsFile::open(dir / "model" / "model.safetensors");
    CHECK(file.contains("lm_head.weight") == !tied);
    CHECK(file.contains("model.layers.2.mlp.down_proj.weight"));
    decoder::LlamaForCausalLM loaded = decoder::load_llama(dir / "model");
    CHECK(to_json(loaded->config()) == to_json(config));
    const auto mask = all_real(ids);
    CHECK(at::equal(loaded(loaded->text_inputs(ids, mask)), model(model->text_inputs(ids, mask))));
    CHECK(decoder::load_generation_config(dir / "model", {}).eos_token_ids ==
          std::vector<int64_t>{3, 5});
    decoder::LlamaForCausalLM lower = decoder::load_llama(dir / "model", at::kBFloat16);
    CHECK((lower->model->norm->weight.scalar_type() == at::kBFloat16));
  }
}

TEST_CASE("stored rotary frequencies and the copy of a tied head are no surprise") {
  LlamaConfig config = tiny_llama_config();
  config.tie_word_embeddings = true;
  decoder::LlamaForCausalLM model = tiny_llama(32, at::kFloat, config);
  const TempDir dir;
  decoder::save_llama(dir.path(), model);
  auto tensors = state_dict(*model);
  tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = at::zeros({4});
  tensors["lm_head.weight"] = model->model->embed_tokens->weight.detach().clone();
  write_safetensors(dir / "model.safetensors", tensors);
  CHECK(message_of_loading(dir.path()) == "no error");
}

TEST_CASE("damaged checkpoints are reported") {
  decoder::LlamaForCausalLM model = tiny_llama(33, at::kFloat);
  const TempDir dir;
  decoder::save_llama(dir.path(), model);
  auto tensors = state_dict(*model);
  tensors.erase("model.norm.weight");
  tensors["model.layers.0.mlp.up_proj.weight"] = at::zeros({21, 24});
  write_safetensors(dir / "model.safetensors", tensors);
  const std::string report = message_of_loading(dir.path());
  check_mentions(report, "missing 'model.norm.weight'");
  check_mentions(report, "'model.layers.0.mlp.up_proj.weight' is [21, 24], expected [20, 24]");

  // A wrong number in the configuration must not allocate the machine's memory.
  Json config = read_json(dir / "config.json");
  config["hidden_size"] = 200000;
  config["intermediate_size"] = 1000000;
  write_json(dir / "config.json", config);
  check_mentions(message_of_loading(dir.path()), "the configuration describes");

  write_json(dir / "generation_config.json", {{"do_sample", true}, {"top_p", 2.0}});
  check_mentions(message_of_loading(dir / "nowhere"), "nowhere");
  CHECK_THROWS_AS(decoder::load_generation_config(dir.path(), {}), std::runtime_error);
}

TEST_CASE("generation_config.json outranks config.json") {
  const auto qwen = decoder::load_generation_config(golden("04_qwen2"), {1});
  CHECK(qwen.eos_token_ids == std::vector<int64_t>{5, 3});
  CHECK(qwen.sampling.temperature == 0.7);
  CHECK(qwen.sampling.top_k == 20);
  CHECK(qwen.sampling.top_p == 0.8);
}

}  // namespace nvlm::test
