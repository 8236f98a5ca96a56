// Models in the layouts of published families: what is written, and that it computes the same.
#include <map>

#include "common/json.h"
#include "common/load_weights.h"
#include "common/safetensors.h"
#include "common/weight_store.h"
#include "decoder/widened_decoder.h"
#include "fusion/internvl_export.h"
#include "fusion/multimodal_checkpoint.h"
#include "fusion/tokenizer_files.h"
#include "tests/fusion/tiny_lab.h"
#include "tests/support/golden.h"
#include "tests/support/temp_dir.h"

namespace nvlm::fusion {
namespace {

using namespace nvlm::test;

constexpr Tolerance kSameLogits = {1e-5, 1e-5};

/// projector_hidden  0: the lab's own, the decoder's feed-forward width
MultimodalModel random_model(Variant variant, int64_t projector_hidden = 0, bool bias = true) {
  const vision::VisionConfig vision = tiny_encoder();
  decoder::LlamaConfig text;
  text.hidden = 16;
  text.layers = 2;
  text.heads = 4;
  text.kv_heads = 2;
  text.head_dim = 4;
  text.ffn_hidden = 22;
  text.vocab = tiny_tokenizer().vocab_size();
  text.biases = decoder::BiasKind::kQueryKeyValue;
  MultimodalConfig config = lab_model(variant, vision, text, /*every=*/2);
  if (projector_hidden > 0) config.fusion.projector.hidden = projector_hidden;
  config.fusion.projector.bias = bias;
  MultimodalModel model(config);
  const at::NoGradGuard no_grad;
  for (Tensor& weight : model->parameters()) weight.uniform_(-0.5, 0.5);
  return model;
}

PromptBatch one_prompt(const MultimodalModel& model) {
  const PromptBuilder builder(tiny_tokenizer(), model->config().prompt());
  return collate({builder.build("what is here", {grid(2, 1)})}, 0);
}

Tensor logits_of(MultimodalModel model, const PromptBatch& prompts, const Tensor& pixels) {
  const at::NoGradGuard no_grad;
  const vision::TileFeatures features{model->encode_tiles(pixels), prompts.tile_refs()};
  return model->logits(model->hidden_states(prompts, features));
}

/// Exports, loads, and compares the logits and the prompt.
MultimodalModel check_round_trip(const MultimodalModel& model, PublishedLayout layout) {
  CAPTURE(name(layout));
  const TempDir folder;
  const MultimodalConfig written =
      export_internvl(folder / "model", model, tiny_tokenizer_json(), layout);
  MultimodalModel loaded = load_multimodal(folder / "model");
  Json described = to_json(written);
  described["llm_config"].erase("initializer_range");
  Json read = to_json(loaded->config());
  read["llm_config"].erase("initializer_range");
  CHECK(read == described);
  const PromptBatch prompts = one_prompt(model);
  CHECK(at::equal(one_prompt(loaded).ids, prompts.ids));
  const Tensor pixels = at::randn({3, 3, 56, 56});
  const Tensor expected = logits_of(model, prompts, pixels);
  check_close(logits_of(loaded, prompts, pixels), expected, kSameLogits);
  // As the family's code sees it: widths follow from the architecture alone.
  Json json = read_json(folder / "model" / "config.json");
  CHECK(json.erase("nvlm_lab") == 1);
  write_json(folder / "model" / "config.json", json);
  check_close(logits_of(load_multimodal(folder / "model"), prompts, pixels), expected, kSameLogits);
  return loaded;
}

TEST_CASE("a lab model survives the layouts of InternVL, its decoder widened to the projector") {
  at::manual_seed(4);
  const MultimodalModel model = random_model(Variant::kDecoder);
  for (const auto layout : {PublishedLayout::kInternVl, PublishedLayout::kInternVlNative}) {
    const MultimodalModel loaded = check_round_trip(model, layout);
    const MultimodalConfig& config = loaded->config();
    CHECK(config.decoder.hidden == 24);  // 22, up to a multiple of the 4 heads
    CHECK(config.fusion.projector.hidden == 24);
    CHECK(config.decoder.head_dim == 4);
    CHECK(config.decoder.norm_eps == doctest::Approx(1e-5 * 16 / 24));
    CHECK(config.prompt_template == "nvlm_lab");
    CHECK(config.fusion.tile_tags == TileTagKind::k1d);
  }
}

TEST_CASE("a narrower projector gets idle units and zero biases, the decoder stays as it is") {
  at::manual_seed(5);
  const MultimodalModel model = random_model(Variant::kDecoder, 10, /*bias=*/false);
  for (const auto layout : {PublishedLayout::kInternVl, PublishedLayout::kInternVlNative}) {
    const MultimodalModel loaded = check_round_trip(model, layout);
    CHECK(loaded->config().decoder.hidden == 16);
    CHECK(loaded->config().fusion.projector.hidden == 16);
    CHECK(loaded->named_parameters()["mlp1.1.bias"].abs().max().item<float>() == 0);
    CHECK(loaded->named_parameters()["mlp1.3.weight"].slice(1, 10).abs().max().item<float>() == 0);
  }
  const MultimodalModel nvlm = check_round_trip(model, PublishedLayout::kNvlmD);
  CHECK(nvlm->config().fusion.projector.hidden == 22);
}

TEST_CASE("published models change layout and keep their weights") {
  const TempDir folder;
  const auto moved = [&](const char* from, const char* to, PublishedLayout layout) {
    CAPTURE(from);
    const MultimodalModel model = load_multimodal(golden(from));
    export_internvl(folder / name(layout), model, golden(from) / "tokenizer.json", layout);
    const Json json = read_json(folder / name(layout) / "config.json");
    CHECK_FALSE(json.contains("nvlm_lab"));
    CHECK(json["architectures"] == read_json(golden(to) / "config.json")["architectures"]);
    const WeightStore written = WeightStore::open(folder / name(layout));
    const WeightStore expected = WeightStore::open(golden(to));
    CHECK(written.names() == expected.names());
    for (const std::string& tensor : expected.names()) {
      CAPTURE(tensor);
      CHECK(at::equal(written.tensor(tensor), expected.tensor(tensor).to(at::kFloat)));
    }
  };
  moved("07a_internvl_chat", "07c_internvl_native", PublishedLayout::kInternVlNative);
  moved("07c_internvl_native", "07a_internvl_chat", PublishedLayout::kInternVl);
  moved("07b_nvlm_d", "07b_nvlm_d", PublishedLayout::kNvlmD);
}

TEST_CASE("the files beside the weights") {
  const TempDir folder;
  const MultimodalModel model = random_model(Variant::kDecoder);
  export_internvl(folder / "hf", model, tiny_tokenizer_json(), PublishedLayout::kInternVlNative,
                  at::kBFloat16);
  const Json config = read_json(folder / "hf" / "config.json");
  CHECK(config["image_token_id"] == tiny_tokenizer().id("<|vision_pad|>"));
  CHECK(config["image_seq_length"] == 4);
  CHECK(config["torch_dtype"] == "bfloat16");
  CHECK(config["vision_config"]["model_type"] == "internvl_vision");
  CHECK(read_json(folder / "hf" / "preprocessor_config.json")["max_patches"] == 6);
  CHECK(read_json(folder / "hf" / "generation_config.json")["eos_token_id"] ==
        tiny_tokenizer().id("<|im_end|>"));
  const Json tokenizer = read_json(folder / "hf" / "tokenizer_config.json");
  CHECK(tokenizer["tokenizer_class"] == "PreTrainedTokenizerFast");
  CHECK(tokenizer["eos_token"] == "<|im_end|>");
  CHECK(read_json(folder / "hf" / "special_tokens_map.json")["eos_token"] == "<|im_end|>");
  const WeightStore weights = WeightStore::open(folder / "hf");
  CHECK((weights.entry("vision_tower.embeddings.cls_token").dtype == at::kBFloat16));

  export_internvl(folder / "original", model, tiny_tokenizer_json(), PublishedLayout::kInternVl);
  const Json original = read_json(folder / "original" / "config.json");
  CHECK(original["architectures"][0] == "InternVLChatModel");
  CHECK(original["template"] == "internvl2_5");
  CHECK(original["nvlm_lab"]["template"] == "nvlm_lab");
  CHECK_FALSE(original.contains("fusion_config"));
}

TEST_CASE("what a layout cannot express is refused by name") {
  const auto refused = [](const MultimodalModel& model, PublishedLayout layout,
                          const char* message) {
    CAPTURE(message);
    CHECK_THROWS_WITH(published_form(model, layout), doctest::Contains(message));
  };
  for (const Variant variant : {Variant::kCrossAttention, Variant::kHybrid}) {
    refused(random_model(variant), PublishedLayout::kInternVlNative, "its variant is");
  }
  refused(random_model(Variant::kDecoder), PublishedLayout::kNvlmD, "its projector has biases");
  refused(random_model(Variant::kDecoder, 23, false), PublishedLayout::kNvlmD,
          "its projector is 23 wide inside, expected at most the decoder's intermediate_size 22");
  MultimodalConfig config = random_model(Variant::kDecoder)->config();
  config.preprocessor.tiling.use_thumbnail = false;
  refused(MultimodalModel(config), PublishedLayout::kInternVlNative, "have no thumbnail");
  CHECK_NOTHROW(published_form(MultimodalModel(config), PublishedLayout::kInternVl));
  config.fusion.projector.hidden = 0;
  refused(MultimodalModel(config), PublishedLayout::kInternVl, "its projector has one layer");
  const MultimodalModel nvlm_d = load_multimodal(golden("07b_nvlm_d"));
  refused(nvlm_d, PublishedLayout::kInternVl, "its encoder has 7 dummy heads");
  CHECK_THROWS_WITH(parse_published_layout("hf"), doctest::Contains("internvl-hf or nvlm-d"));
}

TEST_CASE("a widened decoder gives the same logits") {
  at::manual_seed(8);
  const at::NoGradGuard no_grad;
  for (const auto biases : {decoder::BiasKind::kNone, decoder::BiasKind::kQueryKeyValue}) {
    for (const bool tied : {false, true}) {
      decoder::LlamaConfig config;
      config.hidden = 12;
      config.layers = 3;
      config.heads = 3;
      config.kv_heads = 1;
      config.head_dim = 6;
      config.ffn_hidden = 20;
      config.vocab = 31;
      config.norm_eps = 0.02;  // large enough to matter
      config.biases = biases;
      config.tie_word_embeddings = tied;
      decoder::LlamaForCausalLM narrow(config);
      for (Tensor& weight : narrow->parameters()) weight.uniform_(-0.5, 0.5);
      const decoder::DecoderWeights wide =
          decoder::widened_decoder({config, state_dict(*narrow)}, 21);
      const TempDir folder;
      write_safetensors(folder / "model.safetensors", wide.tensors, {});
      decoder::LlamaForCausalLM widened(wide.config);
      load_weights(*widened, WeightStore::open(folder.path()));
      const Tensor ids = at::randint(31, {2, 9}, at::TensorOptions(at::kLong));
      const Tensor real = at::ones_like(ids, at::kBool);
      check_close(widened->forward(widened->text_inputs(ids, real)),
                  narrow->forward(narrow->text_inputs(ids, real)), kSameLogits);
    }
  }
  decoder::LlamaConfig config;
  CHECK_THROWS_WITH(decoder::widened_decoder({config, {}}, 100),
                    doctest::Contains("expected at least 256"));
  config.norm = decoder::NormKind::kLayer;
  CHECK_THROWS_WITH(decoder::widened_decoder({config, {}}, 300), doctest::Contains("neither"));
}

}  // namespace
}  // namespace nvlm::fusion
