// Meta's layout, written: golden folders bit for bit, published numbers, cuts, what is refused.
#include "decoder/meta_conversion.h"

#include <map>
#include <string>

#include "common/json.h"
#include "common/safetensors.h"
#include "common/weight_store.h"
#include "common/widest_dtype.h"
#include "decoder/checkpoint.h"
#include "decoder/meta_llama.h"
#include "tests/decoder/llama_support.h"
#include "tests/support/temp_dir.h"

namespace nvlm::test {
namespace {

using decoder::LlamaConfig;
using decoder::meta_llama_params;

/// Every tensor but the rotary frequencies of old files, bits and dtype.
void check_same_tensors(const std::filesystem::path& actual,
                        const std::filesystem::path& expected) {
  const WeightStore a = WeightStore::open(actual), b = WeightStore::open(expected);
  size_t count = 0;
  for (const std::string& name : b.names()) {
    if (name == "rope.freqs") continue;
    CAPTURE(name);
    ++count;
    REQUIRE(a.contains(name));
    CHECK((a.tensor(name).scalar_type() == b.tensor(name).scalar_type()));
    CHECK(at::equal(a.tensor(name), b.tensor(name)));
  }
  CHECK(a.names().size() == count);
}

LlamaConfig meta_shaped_config() {
  LlamaConfig config = tiny_llama_config();
  config.head_dim = config.hidden / config.heads;
  config.vocab = 36;
  return config;
}

/// What reading the params of `config` gives.
LlamaConfig reread(const LlamaConfig& config) {
  return decoder::meta_llama_config(meta_llama_params(config), config.vocab,
                                    config.tie_word_embeddings, "params.json");
}

LlamaConfig published(int64_t hidden, int64_t ffn_hidden, int64_t heads, int64_t kv_heads) {
  LlamaConfig config;
  config.hidden = hidden;
  config.ffn_hidden = ffn_hidden;
  config.heads = heads;
  config.kv_heads = kv_heads;
  config.head_dim = hidden / heads;
  return config;
}

}  // namespace

TEST_CASE("golden Llamas: Meta's folder gives Hugging Face's tensors and back, bit for bit") {
  for (const char* name : {"01_llama2", "02_llama31"}) {
    CAPTURE(name);
    const TempDir dir;
    const std::filesystem::path meta = golden(name) / "meta";
    decoder::meta_to_hugging_face(meta, dir / "hf", std::nullopt);
    check_same_tensors(dir / "hf", golden(name));
    decoder::hugging_face_to_meta(dir / "hf", dir / "meta", std::nullopt, 1);
    check_same_tensors(dir / "meta/consolidated.00.safetensors",
                       meta / "consolidated.00.safetensors");
    // The same configuration whichever way it is read.
    CHECK(to_json(decoder::load_llama(dir / "meta")->config()) ==
          to_json(decoder::load_llama(meta)->config()));
  }
}

TEST_CASE("Meta's layout round trip: tied, grouped, scaled, in shards") {
  const at::NoGradGuard no_grad;
  Random random(3);
  for (int trial = 0; trial < 12; ++trial) {
    CAPTURE(trial);
    LlamaConfig config = meta_shaped_config();
    config.ffn_hidden = 2 * random.integer(2, 80);
    config.tie_word_embeddings = random.chance(0.5);
    config.rope_theta = random.chance(0.5) ? 10000 : 500000;
    config.max_position_embeddings = config.rope_theta == 10000 ? 4096 : 8192;
    if (config.rope_theta == 500000 && random.chance(0.5)) {
      config.rope_scaling = decoder::Llama3RopeScaling{};
      if (config.tie_word_embeddings) config.rope_scaling->factor = 32;
      config.max_position_embeddings = 131072;
    }
    CHECK(to_json(reread(config)) == [&] {
      Json json = to_json(config);
      json["initializer_range"] = LlamaConfig{}.initializer_range;
      return json;
    }());
    decoder::LlamaForCausalLM model = tiny_llama(9, at::kBFloat16, config);
    const TempDir dir;
    const int64_t shards = random.integer(1, 2);
    save_meta_llama(dir / "meta", model, shards);
    CHECK(std::filesystem::exists(dir / "meta/consolidated.01.safetensors") == (shards == 2));
    decoder::meta_to_hugging_face(dir / "meta", dir / "again", std::nullopt);
    save_llama(dir / "direct", model);
    check_same_tensors(dir / "again", dir / "direct");
  }
}

TEST_CASE("the embedding is cut by hidden as in Llama 2, by vocabulary as in Llama 3") {
  const TempDir dir;
  LlamaConfig config = meta_shaped_config();  // grouped queries, as Llama 2 70B has them
  for (const auto& [theta, shape] :
       {std::pair{10000.0, std::vector<int64_t>{36, 12}}, {500000.0, {18, 24}}}) {
    config.rope_theta = theta;
    const std::filesystem::path folder = dir / std::to_string(static_cast<int>(theta));
    save_meta_llama(folder, tiny_llama(9, at::kFloat, config), 2);
    const auto shard = SafetensorsFile::open(folder / "consolidated.01.safetensors");
    CHECK(shard.entries().at("tok_embeddings.weight").shape == shape);
    CHECK(shard.entries().at("layers.0.attention.wo.weight").shape == std::vector<int64_t>{24, 12});
    CHECK(shard.entries().at("layers.2.ffn_norm.weight").shape == std::vector<int64_t>{24});
  }
}

TEST_CASE("widths of published Llamas come from published params") {
  const auto check = [](const LlamaConfig& config, int64_t multiple_of, double multiplier) {
    const Json params = meta_llama_params(config);
    CAPTURE(params.dump());
    CHECK(params["multiple_of"] == multiple_of);
    CHECK(params.value("ffn_dim_multiplier", 1.0) == multiplier);
    CHECK(reread(config).ffn_hidden == config.ffn_hidden);
  };
  check(published(4096, 11008, 32, 32), 256, 1.0);    // Llama 2 7B
  check(published(8192, 28672, 64, 8), 4096, 1.3);    // Llama 2 70B, Llama 3 70B
  check(published(4096, 14336, 32, 8), 1024, 1.3);    // Llama 3 8B
  check(published(16384, 53248, 128, 8), 4096, 1.2);  // Llama 3.1 405B
  for (int64_t ffn_hidden = 2; ffn_hidden < 400; ffn_hidden += 7) {
    LlamaConfig config = meta_shaped_config();
    config.ffn_hidden = ffn_hidden;
    CAPTURE(ffn_hidden);
    CHECK(reread(config).ffn_hidden == ffn_hidden);
  }
}

TEST_CASE("dtypes: as stored, the widest of a mixture, or as asked") {
  const TempDir dir;
  write_safetensors(dir / "mixed.safetensors", {{"a.w", at::ones({2}, at::kBFloat16)},
                                                {"b.w", at::ones({2}, at::kHalf)},
                                                {"rope.freqs", at::ones({2}, at::kDouble)},
                                                {"n", at::ones({2}, at::kLong)}});
  const WeightStore mixed = WeightStore::open(dir / "mixed.safetensors");
  CHECK((widest_dtype(mixed) == at::kFloat));
  CHECK((widest_dtype(mixed, "a.") == at::kBFloat16));
  CHECK((widest_dtype(mixed, "n") == at::kFloat));
  decoder::hugging_face_to_meta(golden("01_llama2"), dir / "half", at::kHalf, 1);
  const WeightStore half = WeightStore::open(dir / "half/consolidated.00.safetensors");
  CHECK((half.tensor("norm.weight").scalar_type() == at::kHalf));
}

TEST_CASE("what Meta's layout cannot say is refused, and nothing is written") {
  const TempDir dir;
  const auto refused = [&](const std::string& name, const std::string& part, int64_t shards = 1) {
    CAPTURE(name);
    CHECK_THROWS_WITH(decoder::hugging_face_to_meta(golden(name), dir / "no", std::nullopt, shards),
                      doctest::Contains(part.c_str()));
    CHECK_FALSE(std::filesystem::exists(dir / "no"));
  };
  refused("02_llama31", "rope_scaling.original_max_position_embeddings is 64, expected 8192");
  refused("04_qwen2", "the model is a Qwen2, expected a Llama");
  refused("05_gpt2", "the model is a GPT-2");
  refused("01_llama2", "3 shards, expected a divisor of num_key_value_heads 5", 3);
  refused("01_llama2/meta", "is not in Hugging Face's layout");
  LlamaConfig wide = meta_shaped_config();
  wide.head_dim = 8;
  CHECK_THROWS_WITH(meta_llama_params(wide), doctest::Contains("head_dim is 8"));
  LlamaConfig odd = meta_shaped_config();
  odd.ffn_hidden = 21;
  CHECK_THROWS_WITH(save_meta_llama(dir / "no", tiny_llama(1, at::kFloat, odd), 2),
                    doctest::Contains("'layers.0.feed_forward.w2.weight', expected a divisor of "
                                      "its 21 columns"));
  CHECK_THROWS_WITH(decoder::meta_to_hugging_face(golden("01_llama2"), dir / "no", std::nullopt),
                    doctest::Contains("is not in Meta's layout"));
}

TEST_CASE("the ends of a text are looked up in tokenizer.json") {
  const TempDir dir;
  LlamaConfig config = meta_shaped_config();
  config.vocab = 2275;
  save_meta_llama(dir / "meta", tiny_llama(1, at::kFloat, config));
  std::filesystem::copy_file(golden("11a_tokenizer_llama3") / "tokenizer.json",
                             dir / "meta/tokenizer.json");
  decoder::meta_to_hugging_face(dir / "meta", dir / "hf", std::nullopt);
  CHECK(decoder::load_llama(dir / "hf")->config().bos_token_id == 2019);
  CHECK(decoder::load_generation_config(dir / "hf", {}).eos_token_ids ==
        std::vector<int64_t>{2020, 2027, 2028});
}

}  // namespace nvlm::test
