// config.json of text models, field by field: missing, negative, huge, of another type; families
// and rotary scalings that are not known. Each is one line that names the field.
#include <string>

#include "common/json.h"
#include "common/safetensors.h"
#include "decoder/checkpoint.h"
#include "tests/decoder/llama_support.h"
#include "tests/support/temp_dir.h"

namespace nvlm::test {
namespace {

void check_config_refused(const Json& config, const std::string& expected) {
  CAPTURE(expected);
  try {
    decoder::llama_config_from_json(config);
    FAIL_CHECK("not refused");
  } catch (const std::exception& error) {
    const std::string message = error.what();
    CAPTURE(message);
    CHECK(message.find(expected) != std::string::npos);
    CHECK(message.find('\n') == std::string::npos);
  }
}

Json llama_config() {
  return {{"architectures", {"LlamaForCausalLM"}},
          {"model_type", "llama"},
          {"hidden_size", 24},
          {"num_hidden_layers", 2},
          {"num_attention_heads", 4},
          {"num_key_value_heads", 2},
          {"intermediate_size", 20},
          {"vocab_size", 37},
          {"max_position_embeddings", 64}};
}

Json gpt2_config() {
  return {{"architectures", {"GPT2LMHeadModel"}},
          {"n_embd", 24},
          {"n_layer", 2},
          {"n_head", 4},
          {"vocab_size", 37},
          {"n_positions", 64}};
}

/// A number in `config` that a model cannot do without, under the name that errors give it.
struct SizeField {
  const char* key;
  const char* named;
};

void check_sizes_refused(const Json& config, std::initializer_list<SizeField> required) {
  for (const auto& [key, named] : required) {
    CAPTURE(key);
    const auto with = [&](Json value) {
      Json changed = config;
      changed[key] = std::move(value);
      return changed;
    };
    const std::string quoted = std::string("'") + key + "'";
    Json without = config;
    without.erase(key);
    check_config_refused(without, quoted + " is missing");
    check_config_refused(with("24"), quoted + " is \"24\", expected a whole number");
    check_config_refused(with(2.5), quoted + " is 2.5, expected a whole number");
    check_config_refused(with(Json::array()), quoted);
    check_config_refused(with(uint64_t{1} << 63), quoted);
    check_config_refused(with(-24), std::string(named) + " is -24");
    check_config_refused(with(0), std::string(named) + " is 0");
    check_config_refused(with(int64_t{1} << 62), std::string(named) + " is 4611686018427387904");
  }
}

}  // namespace

TEST_CASE("sizes of a Llama: missing, negative, huge, no number") {
  check_sizes_refused(llama_config(), {{"hidden_size", "hidden_size"},
                                       {"num_hidden_layers", "num_hidden_layers"},
                                       {"num_attention_heads", "num_attention_heads"},
                                       {"intermediate_size", "intermediate_size"},
                                       {"vocab_size", "vocab_size"}});
}

TEST_CASE("sizes of a GPT-2: missing, negative, huge, no number") {
  check_sizes_refused(gpt2_config(), {{"n_embd", "n_embd"},
                                      {"n_layer", "num_hidden_layers"},
                                      {"vocab_size", "vocab_size"},
                                      {"n_positions", "max_position_embeddings"}});
}

TEST_CASE("fields of a Llama that have a default are checked as well") {
  const auto with = [](const char* key, Json value) {
    Json changed = llama_config();
    changed[key] = std::move(value);
    return changed;
  };
  check_config_refused(with("num_key_value_heads", -2), "num_key_value_heads is -2");
  check_config_refused(with("max_position_embeddings", 0), "max_position_embeddings is 0");
  check_config_refused(with("max_position_embeddings", "long"), "'max_position_embeddings'");
  check_config_refused(with("head_dim", -6), "head_dim is -6");
  check_config_refused(with("rms_norm_eps", -1e-5), "rms_norm_eps is -1e-05");
  check_config_refused(with("rope_theta", "big"), "'rope_theta'");
  check_config_refused(with("tie_word_embeddings", 1), "'tie_word_embeddings' is 1");
  check_config_refused(with("eos_token_id", Json::array({2, "</s>"})), "'eos_token_id'");
  check_config_refused(with("architectures", "LlamaForCausalLM"), "'architectures'");
  check_config_refused(with("model_type", 3), "'model_type' is 3");
  for (const Json& other : {Json(3), Json("{}"), Json::array(), Json()}) {
    CHECK_THROWS_AS(decoder::llama_config_from_json(other), std::runtime_error);
  }
}

TEST_CASE("families that only look like Llama are refused, and what is supported is named") {
  const std::string supported =
      "is not supported, expected LlamaForCausalLM, Qwen2ForCausalLM or GPT2LMHeadModel";
  for (const char* name : {"MistralForCausalLM", "GemmaForCausalLM", "Qwen2MoeForCausalLM",
                           "InternLM2ForCausalLM", "BertForMaskedLM", ""}) {
    Json config = llama_config();
    config["architectures"] = {name};
    check_config_refused(config, "architecture '" + std::string(name) + "' " + supported);
  }
  Json config = llama_config();
  config.erase("architectures");
  CHECK_NOTHROW(decoder::llama_config_from_json(config));
  config["model_type"] = "mixtral";
  check_config_refused(config, "architecture 'mixtral' " + supported);
}

TEST_CASE("rotary scalings that are not known are refused in both spellings") {
  const std::string known = "is not implemented, expected default, llama3 or dynamic";
  for (const char* type : {"linear", "yarn", "longrope", "su", "mrope", ""}) {
    for (const char* field : {"rope_scaling", "rope_parameters"}) {
      for (const char* key : {"type", "rope_type"}) {
        Json config = llama_config();
        config[field] = {{key, type}, {"factor", 2.0}};
        check_config_refused(config, "rope type '" + std::string(type) + "' " + known);
      }
    }
  }
  const auto scaled = [](Json rope) {
    Json config = llama_config();
    config["rope_scaling"] = std::move(rope);
    return config;
  };
  check_config_refused(scaled({{"type", 3}}), "'type' is 3");
  check_config_refused(scaled({{"type", "dynamic"}}), "'factor' is missing");
  check_config_refused(scaled({{"type", "dynamic"}, {"factor", 0.5}}),
                       "rope_scaling.factor is 0.5");
  check_config_refused(scaled({{"rope_type", "llama3"},
                               {"factor", -8.0},
                               {"low_freq_factor", 1.0},
                               {"high_freq_factor", 4.0},
                               {"original_max_position_embeddings", 8192}}),
                       "rope_scaling.factor is -8");
}

TEST_CASE("a checkpoint's file is named with what is wrong in it") {
  decoder::LlamaForCausalLM model = tiny_llama(41, at::kFloat);
  const TempDir dir;
  decoder::save_llama(dir.path(), model);
  const auto refused = [&](const std::string& expected) {
    CAPTURE(expected);
    CHECK_THROWS_WITH_AS(decoder::load_llama(dir.path()), doctest::Contains(expected.c_str()),
                         std::runtime_error);
  };
  const Json config = read_json(dir / "config.json");
  Json changed = config;
  changed["architectures"] = {"MistralForCausalLM"};
  write_json(dir / "config.json", changed);
  refused("config.json: decoder.config: architecture 'MistralForCausalLM'");
  changed = config;
  changed["vocab_size"] = 1 << 24;  // allowed, but the weights say otherwise
  changed["hidden_size"] = 1 << 18;
  write_json(dir / "config.json", changed);
  refused("the configuration describes");
  write_json(dir / "config.json", config);

  std::map<std::string, Tensor> tensors = state_dict(*model);
  tensors["model.norm.weight"] = at::ones({24}, at::kChar);
  write_safetensors(dir / "model.safetensors", tensors);
  refused("'model.norm.weight' holds I8, expected F32, BF16, F16 or F64");
}

}  // namespace nvlm::test
