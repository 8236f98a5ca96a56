// Llama 3.2 Vision: the golden checkpoint from picture files to text, the identities of its memory,
// names and configurations, malformed input.
#include <functional>

#include "common/parameter_scope.h"
#include "common/safetensors.h"
#include "common/weight_store.h"
#include "fusion/mllama_checkpoint.h"
#include "fusion/multimodal_checkpoint.h"
#include "tests/fusion/tiny_lab.h"
#include "tests/support/golden.h"
#include "tests/support/temp_dir.h"
#include "vision/image.h"

namespace nvlm::fusion {
namespace {

using namespace nvlm::test;

constexpr Tolerance kCase = {1e-4, 5e-5};  // the case's own
constexpr Tolerance kSame = {2e-5, 2e-5};  // other orders of summation

/// The golden checkpoint and its pictures.
struct GoldenMllama {
  explicit GoldenMllama(bool attend_without_memory = false)
      : folder(golden("08_mllama")),
        tokenizer(decoder::Tokenizer::from_file(folder / "tokenizer.json")) {
    MllamaConfig config = read_mllama_config(folder);
    config.attend_without_memory = attend_without_memory;
    model = load_mllama(folder, config);
  }

  MllamaPrompt prompt(std::string_view question, int64_t num_images) const {
    return MllamaPromptBuilder(tokenizer, model->config().image_token_id)
        .build(question, num_images);
  }
  MllamaPromptBatch batch(std::vector<MllamaPrompt> prompts) const {
    return collate_mllama(std::move(prompts), model->config().pad_token_id);
  }
  MllamaImageFeatures pictures(const std::vector<std::string>& files) {
    if (files.empty()) return {};
    std::vector<vision::MllamaImage> images;
    for (const std::string& file : files) {
      images.push_back(vision::preprocess_mllama(vision::read_image(folder / file),
                                                 model->config().preprocessor));
    }
    return model->encode_images(vision::stack_images(images));
  }
  /// [batch, seq, vocab]
  Tensor logits(const MllamaPromptBatch& prompts, const MllamaImageFeatures& images) {
    return model->logits(model->hidden_states(prompts, images));
  }

  std::filesystem::path folder;
  decoder::Tokenizer tokenizer;
  MllamaModel model{nullptr};
};

Tensor golden_tensor(const char* file, const char* name) {
  return SafetensorsFile::open(golden("08_mllama") / file).tensor(name);
}

TEST_CASE("parity: Llama 3.2 Vision from a picture file to greedy text, by both rules") {
  const at::NoGradGuard no_grad;
  for (const bool attend_without_memory : {true, false}) {
    CAPTURE(attend_without_memory);
    GoldenMllama golden(attend_without_memory);
    const MllamaPromptBatch prompts = golden.batch({golden.prompt("What is drawn here?", 1)});
    CHECK(at::equal(prompts.ids, golden_tensor("inputs.safetensors", "single.input_ids")));
    const MllamaImageFeatures images = golden.pictures({"image0.png"});
    CHECK(images.num_tiles == std::vector<int64_t>{3});
    check_close(golden.logits(prompts, images),
                golden_tensor("expected.safetensors",
                              attend_without_memory ? "single.logits" : "single.meta_rule.logits"),
                kCase);
    if (!attend_without_memory) continue;
    decoder::GenerationConfig config;
    config.max_new_tokens = 24;
    const auto generated = golden.model->generate(prompts, images, config);
    CHECK(at::equal(at::tensor(generated.tokens[0], at::kLong),
                    golden_tensor("expected.safetensors", "single.gen.tokens")[0]));
  }
}

TEST_CASE("Llama 3.2 Vision without a picture is its decoder alone") {
  const at::NoGradGuard no_grad;
  GoldenMllama golden;
  const MllamaPromptBatch prompts = golden.batch({golden.prompt("No picture at all.", 0)});
  CHECK(at::equal(prompts.ids, golden_tensor("inputs.safetensors", "text_only.input_ids")));
  const Tensor logits = golden.logits(prompts, {});
  check_close(logits, golden_tensor("expected.safetensors", "text_only.logits"), kCase);
  // Beside a sample with pictures it stays that.
  const MllamaPromptBatch mixed = golden.batch({golden.prompt("<image>A<image>Compare the two.", 2),
                                                golden.prompt("No picture at all.", 0)});
  const Tensor together = golden.logits(mixed, golden.pictures({"image1.png", "image2.png"}));
  check_close(together[1].narrow(0, 0, logits.size(1)), logits[0], kSame);
}

TEST_CASE("Llama 3.2 Vision: text before a picture does not see it, except by transformers' rule") {
  const at::NoGradGuard no_grad;
  for (const bool attend_without_memory : {false, true}) {
    CAPTURE(attend_without_memory);
    GoldenMllama golden(attend_without_memory);
    const MllamaPromptBatch prompts =
        golden.batch({golden.prompt("A line. <image>What is it?", 1)});
    const int64_t before = prompts.samples[0].seen_by[0].begin;
    REQUIRE(before > 5);
    const Tensor one = golden.logits(prompts, golden.pictures({"image1.png"}))[0];
    const Tensor other = golden.logits(prompts, golden.pictures({"image2.png"}))[0];
    const auto difference = [&](int64_t position) {
      return (one[position] - other[position]).abs().max().item<float>();
    };
    for (int64_t t = 0; t < before; ++t) CHECK((difference(t) > 1e-4) == attend_without_memory);
    CHECK(difference(before) > 1e-3);
  }
}

TEST_CASE("Llama 3.2 Vision: a text sees the picture before it and no earlier one") {
  const at::NoGradGuard no_grad;
  GoldenMllama golden;
  const MllamaPromptBatch prompts = golden.batch({golden.prompt("<image>A<image>Compare.", 2)});
  const auto mask = golden.model->fuse(prompts, golden.pictures({"image1.png", "image2.png"}))
                        .cross_attention->mask;  // 4 and 2 tiles of 10 tokens
  REQUIRE(mask.size(2) == 60);
  const int64_t second = prompts.samples[0].seen_by[1].begin;
  CHECK(mask[0][second - 1].sum().item<int64_t>() == 40);
  CHECK(mask[0][second - 1].narrow(0, 0, 40).all().item<bool>());
  CHECK(mask[0][second].sum().item<int64_t>() == 20);
  CHECK(mask[0][second].narrow(0, 40, 20).all().item<bool>());
}

TEST_CASE("Llama 3.2 Vision: unused tiles, padding and neighbours in the batch change nothing") {
  const at::NoGradGuard no_grad;
  GoldenMllama golden;
  const MllamaPrompt short_prompt = golden.prompt("What?", 1);
  const MllamaImageFeatures image = golden.pictures({"image2.png"});  // 2 of 4 tiles
  const MllamaPromptBatch alone = golden.batch({short_prompt});
  const Tensor logits = golden.logits(alone, image);

  const auto all_tiles = remember_mllama(alone, image, /*keep_unused_tiles=*/true);
  CHECK(all_tiles->tokens.size(1) == 40);
  CHECK(remember_mllama(alone, image, /*keep_unused_tiles=*/false)->tokens.size(1) == 20);
  const auto inputs = golden.model->decoder_inputs(alone.ids, alone.attention_mask, all_tiles);
  check_close(golden.model->language_model->forward(inputs), logits, kSame);

  const MllamaPromptBatch padded =
      golden.batch({short_prompt, golden.prompt("<image>A<image>Compare the two pictures.", 2)});
  const Tensor together =
      golden.logits(padded, golden.pictures({"image2.png", "image0.png", "image1.png"}));
  REQUIRE(together.size(1) > logits.size(1));
  check_close(together[0].narrow(0, 0, logits.size(1)), logits[0], kSame);
}

TEST_CASE("Llama 3.2 Vision: cached decoding equals a full forward") {
  const at::NoGradGuard no_grad;
  GoldenMllama golden;
  const MllamaImageFeatures images = golden.pictures({"image0.png"});
  MllamaPrompt prompt = golden.prompt("What is drawn here?", 1);
  decoder::GenerationConfig config;
  config.max_new_tokens = 6;
  const auto generated = golden.model->generate(golden.batch({prompt}), images, config);
  for (const int64_t token : generated.tokens[0]) {
    const Tensor logits = golden.logits(golden.batch({prompt}), images);
    CHECK(logits[0][-1].argmax().item<int64_t>() == token);
    prompt.ids.push_back(token);
    prompt.labels.push_back(decoder::kIgnoredLabel);
    prompt.seen_by[0].end = prompt.size();
  }
}

TEST_CASE("Llama 3.2 Vision: blocks stand where the checkpoint counts them") {
  const MllamaConfig tiny = read_mllama_config(golden("08_mllama"));
  CHECK(tiny.depths() == std::vector<int64_t>{1, 2});
  CHECK(tiny.self_attention_layers() == std::vector<int64_t>{0, 2, 4});
  MllamaConfig large = tiny;  // 11B
  large.decoder.layers = 32;
  large.cross_attention_layers = {3, 8, 13, 18, 23, 28, 33, 38};
  CHECK(large.depths() == std::vector<int64_t>{3, 7, 11, 15, 19, 23, 27, 31});
  CHECK(large.self_attention_layers().back() == 39);
  CHECK(mllama_stored_name(large, "cross_attention.1.mlp.up_proj.weight") ==
        "language_model.model.layers.8.mlp.up_proj.weight");
  CHECK(mllama_stored_name(large, "language_model.model.layers.3.mlp.up_proj.weight") ==
        "language_model.model.layers.4.mlp.up_proj.weight");
  CHECK(mllama_stored_name(large, "vision_model.transformer.layers.3.mlp.fc1.bias") ==
        "vision_model.transformer.layers.3.mlp.fc1.bias");
  CHECK(mllama_new_stored_name(large, "cross_attention.0.cross_attn_attn_gate") ==
        "model.language_model.layers.3.cross_attn_attn_gate");
  CHECK(mllama_new_stored_name(large, "language_model.lm_head.weight") == "lm_head.weight");
  CHECK(mllama_new_stored_name(large, "vision_model.class_embedding") ==
        "model.vision_model.class_embedding");
}

TEST_CASE("Llama 3.2 Vision: the parameters that a configuration describes") {
  GoldenMllama golden;
  int64_t counted = 0;
  for (const Tensor& weight : golden.model->parameters()) counted += weight.numel();
  CHECK(num_parameters(golden.model->config()) == counted);
  CHECK(to_json(mllama_config_from_json(to_json(golden.model->config()))) ==
        to_json(golden.model->config()));

  MllamaConfig real = golden.model->config();  // 11B: one block is 218112258
  real.vision = {};
  real.preprocessor = {};
  real.decoder.hidden = 4096;
  real.decoder.layers = 32;
  real.decoder.heads = 32;
  real.decoder.kv_heads = 8;
  real.decoder.head_dim = 128;
  real.decoder.ffn_hidden = 14336;
  real.decoder.vocab = 128256;
  real.image_token_id = 128256;
  real.cross_attention_layers = {3, 8, 13, 18, 23, 28, 33, 38};
  MllamaConfig one_less = real;
  one_less.cross_attention_layers.pop_back();
  CHECK(num_parameters(real) - num_parameters(one_less) == 218112258);
  CHECK(num_parameters(real) == 10670220835);
  validate(real);
}

TEST_CASE("meta: whole models are built without memory, with the names of the real ones") {
  const auto shapes = [](const torch::nn::Module& module) {
    std::map<std::string, std::vector<int64_t>> result;
    for (const auto& parameter : module.named_parameters()) {
      result[parameter.key()] = parameter.value().sizes().vec();
    }
    return result;
  };
  const MllamaModel real = load_mllama(golden("08_mllama"));
  const MultimodalModel real_lab = load_multimodal(golden("07b_nvlm_d"));
  const ParameterScope scope({.device = at::kMeta});
  const MllamaModel counted(real->config());
  CHECK(shapes(*counted) == shapes(*real));
  CHECK(shapes(*MultimodalModel(real_lab->config())) == shapes(*real_lab));
  for (const Tensor& parameter : counted->parameters()) CHECK(parameter.is_meta());
}

TEST_CASE("Llama 3.2 Vision: pictures and the text that sees them, by hand") {
  constexpr int64_t kImage = 9;
  using Ranges = std::vector<TextRange>;
  CHECK(ranges_that_see({1, 2, 3}, kImage).empty());
  CHECK((ranges_that_see({1, kImage, 3, 4}, kImage) == Ranges{{1, 4}}));
  CHECK((ranges_that_see({kImage, 2, kImage, 4}, kImage) == Ranges{{0, 2}, {2, 4}}));
  // Neighbours are seen together, up to what ends the last of them.
  CHECK(
      (ranges_that_see({kImage, kImage, 3, kImage, 5}, kImage) == Ranges{{0, 3}, {1, 3}, {3, 5}}));
  CHECK((ranges_that_see({1, kImage, kImage}, kImage) == Ranges{{1, 3}, {2, 3}}));
}

TEST_CASE("Llama 3.2 Vision: prompts") {
  GoldenMllama golden;
  const int64_t image = golden.model->config().image_token_id;
  CHECK(golden.prompt("What?", 2).ids == golden.prompt("<image><image>What?", 2).ids);
  const MllamaPromptBuilder builder(golden.tokenizer, image);
  const MllamaPrompt answered = builder.build("What?", 1, "A line");
  CHECK(answered.answer_begin == golden.prompt("What?", 1).size());
  CHECK(answered.labels.back() == golden.tokenizer.id("<|eot_id|>"));
  CHECK(answered.labels[static_cast<size_t>(answered.answer_begin) - 1] == decoder::kIgnoredLabel);
  CHECK(answered.seen_by[0].end == answered.size());

  CHECK_THROWS_WITH(golden.prompt("<image>What?", 2),
                    doctest::Contains("1 <image> markers but 2 pictures"));
  CHECK_THROWS_WITH(golden.prompt("<image>What?", 0),
                    doctest::Contains("1 <image> markers but 0 pictures"));
  CHECK_THROWS_WITH(golden.prompt("<|image|>What?", 1), doctest::Contains("holds <|image|>"));
  CHECK_THROWS_WITH(builder.build("What?", 1, "<|image|>"),
                    doctest::Contains("2 tokens <|image|> for 1 pictures"));
  CHECK_THROWS_WITH(MllamaPromptBuilder(golden.tokenizer, 7), doctest::Contains("expected 7"));
  CHECK_THROWS_AS(golden.batch({}), std::invalid_argument);
  CHECK_THROWS_WITH_AS(golden.model->fuse(golden.batch({golden.prompt("What?", 1)}), {}),
                       doctest::Contains("the prompts have 1 pictures but there are features of 0"),
                       c10::Error);
}

/// A copy of the golden checkpoint that may be spoilt.
struct MllamaCopy {
  MllamaCopy() {
    for (const char* file : {"config.json", "preprocessor_config.json", "model.safetensors"}) {
      std::filesystem::copy(golden("08_mllama") / file, dir.path());
    }
  }
  void edit(const char* file, const std::function<void(Json&)>& change) const {
    Json json = read_json(golden("08_mllama") / file);
    change(json);
    write_json(dir / file, json);
  }
  void edit_weights(const std::function<void(std::map<std::string, Tensor>&)>& change) const {
    const WeightStore store = WeightStore::open(golden("08_mllama"));
    std::map<std::string, Tensor> weights;
    for (const std::string& name : store.names()) weights[name] = store.tensor(name);
    change(weights);
    write_safetensors(dir / "model.safetensors", weights);
  }
  std::string error() const {
    try {
      load_mllama(dir.path());
    } catch (const std::exception& error) {
      return error.what();
    }
    return "none";
  }
  TempDir dir;
};

TEST_CASE("Llama 3.2 Vision: files with the names of newer transformers load alike") {
  const at::NoGradGuard no_grad;
  GoldenMllama golden;
  const MllamaCopy copy;
  copy.edit_weights([&](std::map<std::string, Tensor>& weights) {
    std::map<std::string, Tensor> renamed;
    for (const auto& parameter : golden.model->named_parameters()) {
      const std::string& name = parameter.key();
      const MllamaConfig& config = golden.model->config();
      renamed[mllama_new_stored_name(config, name)] = weights.at(mllama_stored_name(config, name));
    }
    CHECK(renamed.size() == weights.size());
    weights = renamed;
  });
  const MllamaModel loaded = load_mllama(copy.dir.path());
  const auto expected = golden.model->named_parameters();
  for (const auto& parameter : loaded->named_parameters()) {
    CHECK(at::equal(parameter.value(), expected[parameter.key()]));
  }
}

TEST_CASE("Llama 3.2 Vision: saved, it has the files and names that it came with") {
  GoldenMllama golden;
  const TempDir dir;
  save_mllama(dir / "saved", golden.model, golden.folder / "tokenizer.json");
  const WeightStore before = WeightStore::open(golden.folder);
  const WeightStore after = WeightStore::open(dir / "saved");
  CHECK((after.names() == before.names()));
  for (const std::string& name : after.names()) {
    CHECK(at::equal(after.tensor(name), before.tensor(name)));
  }
  CHECK(to_json(load_mllama(dir / "saved")->config()) == to_json(golden.model->config()));
  CHECK(read_json(dir / "saved" / "generation_config.json")["eos_token_id"] ==
        Json({330, 337, 338}));
  CHECK(std::filesystem::exists(dir / "saved" / "tokenizer.json"));
}

TEST_CASE("Llama 3.2 Vision: weights that do not fit are listed under the files' names") {
  const MllamaCopy copy;
  copy.edit_weights([](std::map<std::string, Tensor>& weights) {
    weights.erase("language_model.model.layers.3.cross_attn.q_norm.weight");
    weights.erase("vision_model.global_transformer.layers.1.gate_ffn");
    weights["language_model.model.layers.2.mlp.up_proj.weight"] = at::zeros({3, 56});
    weights["language_model.model.embed_tokens.weight"] = at::zeros({353, 56});
    weights["vision_model.surplus"] = at::zeros({2});
  });
  const std::string error = copy.error();
  CAPTURE(error);
  for (const char* finding :
       {"missing 'language_model.model.layers.3.cross_attn.q_norm.weight' [14]",
        "missing 'vision_model.global_transformer.layers.1.gate_ffn' [1]",
        "'language_model.model.layers.2.mlp.up_proj.weight' is [3, 56], expected [118, 56]",
        "'language_model.model.embed_tokens.weight' is [353, 56], expected [361, 56]",
        "unexpected 'vision_model.surplus' [2]"}) {
    CAPTURE(finding);
    CHECK(error.find(finding) != std::string::npos);
  }
}

TEST_CASE("Llama 3.2 Vision: configurations that make no sense are refused in one line") {
  const MllamaCopy copy;
  const auto refused = [&](const char* pointer, const Json& value, const std::string& message) {
    copy.edit("config.json", [&](Json& json) {
      const Json::json_pointer place(pointer);
      if (value.is_null()) {
        json.at(place.parent_pointer()).erase(place.back());
      } else {
        json[place] = value;
      }
    });
    CAPTURE(pointer);
    const std::string error = copy.error();
    CAPTURE(error);
    CHECK(error.find(message) != std::string::npos);
    CHECK(error.find('\n') == std::string::npos);
  };
  refused("/text_config", nullptr, "'text_config' is missing");
  refused("/vision_config", nullptr, "'vision_config' is missing");
  refused("/text_config", Json::array(), "text_config");
  refused("/text_config/cross_attention_layers", nullptr, "'cross_attention_layers' is missing");
  refused("/text_config/cross_attention_layers", "all", "expected a list");
  refused("/text_config/cross_attention_layers", {1, 5}, "cross_attention_layers is 5");
  refused("/text_config/cross_attention_layers", {-1}, "cross_attention_layers is -1");
  refused("/text_config/cross_attention_layers", {3, 1}, "expected 5 or more");
  refused("/text_config/cross_attention_layers", {1, 2}, "with a self-attention layer between");
  refused("/text_config/tie_word_embeddings", true, "tie_word_embeddings is true, expected false");
  refused("/text_config/hidden_act", "gelu", "hidden_act is 'gelu'");
  refused("/text_config/hidden_size", int64_t{1} << 50, "hidden_size is");
  refused("/image_token_index", 361,
          "image_token_index is 361, expected a token with an embedding");
  refused("/vision_config/image_size", 56, "image_size is 56, expected the size of preprocessor");
  // Far more than is stored: refused before anything is allocated.
  refused("/text_config/vocab_size", 1 << 24, "the configuration describes");
  refused("/vision_config/hidden_size", 1 << 16, "vision_output_dim is 96");
  copy.edit("config.json", [](Json& json) {
    json["vision_config"]["hidden_size"] = 1 << 16;
    json["vision_config"]["vision_output_dim"] = 3 << 16;
  });
  CHECK(copy.error().find("the configuration describes") != std::string::npos);
  copy.edit("config.json", [](Json&) {});
  copy.edit("preprocessor_config.json", [](Json& json) { json["max_image_tiles"] = 5; });
  CHECK(copy.error().find("max_num_tiles is 4, expected max_image_tiles") != std::string::npos);
}

}  // namespace
}  // namespace nvlm::fusion
