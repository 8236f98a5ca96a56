// The whole model: checkpoints, generation, configurations.
#include "common/json.h"
#include "fusion/multimodal_checkpoint.h"
#include "tests/fusion/tiny_lab.h"
#include "tests/support/temp_dir.h"

namespace nvlm::fusion {
namespace {

using namespace nvlm::test;

MultimodalConfig tiny_config(Variant variant) {
  const vision::VisionConfig vision = tiny_encoder();
  decoder::LlamaConfig decoder;
  decoder.hidden = 16;
  decoder.layers = 3;
  decoder.heads = 4;
  decoder.kv_heads = 2;
  decoder.head_dim = 4;
  decoder.ffn_hidden = 20;
  decoder.vocab = tiny_tokenizer().vocab_size();
  decoder.tie_word_embeddings = true;
  MultimodalConfig config = lab_model(variant, vision, decoder, /*every=*/2);
  config.fusion.cross_attention.gate_init = 0.6;
  return config;
}

/// The same with Flamingo's blocks, which share no keys between heads.
MultimodalConfig flamingo_config(Variant variant) {
  MultimodalConfig config = tiny_config(variant);
  config.fusion.block = BlockKind::kFlamingo;
  config.fusion.cross_attention.attention.kv_heads = config.decoder.heads;
  return config;
}

struct Sample {
  explicit Sample(MultimodalModel& model, const std::vector<Question>& questions) {
    const PromptBuilder builder(tiny_tokenizer(), model->config().prompt());
    std::vector<Prompt> built;
    for (const Question& question : questions) {
      built.push_back(builder.build(question.text, question.layouts, question.answer));
    }
    prompts = collate(std::move(built), 0);
    const auto count = static_cast<int64_t>(prompts.tile_refs().size());
    features = {model->encode_tiles(at::randn({count, 3, 56, 56})), prompts.tile_refs()};
  }
  PromptBatch prompts;
  vision::TileFeatures features;
};

/// Weights far from their start, so that a tensor that is not stored shows.
void scatter_weights(MultimodalModel& model) {
  const at::NoGradGuard no_grad;
  for (Tensor& weight : model->parameters()) weight.uniform_(-0.5, 0.5);
}

TEST_CASE("saved and loaded again a model gives the same logits, bit for bit") {
  const at::NoGradGuard no_grad;
  at::manual_seed(3);
  const TempDir folder;
  std::vector<MultimodalConfig> configs = {flamingo_config(Variant::kHybrid)};
  for (const Variant variant : kVariants) configs.push_back(tiny_config(variant));
  for (size_t i = 0; i < configs.size(); ++i) {
    CAPTURE(i);
    const std::filesystem::path saved = folder / std::to_string(i);
    MultimodalModel model(configs[i]);
    scatter_weights(model);
    const Sample sample(model, {{"what is here", {grid(2, 1)}, std::nullopt}});
    save_multimodal(saved, model, tiny_tokenizer_json());
    MultimodalModel loaded = load_multimodal(saved);
    CHECK_FALSE(loaded->is_training());
    CHECK(to_json(loaded->config()) == to_json(model->config()));
    CHECK(loaded->config().prompt().tile_tokens == 4);
    CHECK(at::equal(loaded->logits(loaded->hidden_states(sample.prompts, sample.features)),
                    model->logits(model->hidden_states(sample.prompts, sample.features))));
    CHECK(decoder::Tokenizer::from_file(saved / "tokenizer.json").vocab_size() ==
          tiny_tokenizer().vocab_size());
    const Json generation = read_json(saved / "generation_config.json");
    CHECK(generation["eos_token_id"] == tiny_tokenizer().id("<|im_end|>"));
  }
}

TEST_CASE("weights stored as bfloat16 are the rounded ones") {
  const at::NoGradGuard no_grad;
  const TempDir folder;
  MultimodalModel model(tiny_config(Variant::kHybrid));
  scatter_weights(model);
  save_multimodal(folder / "model", model, tiny_tokenizer_json(), at::kBFloat16);
  MultimodalModel loaded = load_multimodal(folder / "model");
  const auto weights = loaded->named_parameters();
  for (const auto& weight : model->named_parameters()) {
    CHECK(at::equal(weights[weight.key()], weight.value().to(at::kBFloat16).to(at::kFloat)));
  }
}

TEST_CASE("parameters carry NVLM-D's names, each counted once") {
  MultimodalModel d(tiny_config(Variant::kDecoder)), x(tiny_config(Variant::kCrossAttention));
  const auto names = x->named_parameters();
  for (const char* name :
       {"vision_model.encoder.layers.0.attn.qkv.weight", "mlp1.0.weight", "mlp1.1.bias",
        "mlp1.3.weight", "cross_attention.0.cross_attn.q_proj.weight",
        "cross_attention.0.cross_attn_attn_gate",
        "language_model.model.layers.2.mlp.down_proj.weight"}) {
    CAPTURE(name);
    CHECK(names.contains(name));
  }
  int64_t in_blocks = 0, in_x = 0, in_d = 0;
  for (const auto& weight : names) {
    in_x += weight.value().numel();
    if (weight.key().starts_with("cross_attention.")) in_blocks += weight.value().numel();
  }
  for (const Tensor& weight : d->parameters()) in_d += weight.numel();
  CHECK(in_blocks > 0);
  CHECK(in_x == in_d + in_blocks);
}

TEST_CASE("generation goes on as the full pass would, alone and in a batch") {
  at::manual_seed(5);
  for (const Variant variant : kVariants) {
    CAPTURE(name(variant));
    MultimodalModel model(tiny_config(variant));
    scatter_weights(model);
    model->eval();
    const at::NoGradGuard no_grad;
    const std::vector<Question> questions = {{"what is here", {grid(2, 1)}, std::nullopt},
                                             {"x1", {grid(1, 1)}, std::nullopt}};
    const Sample both(model, questions);
    decoder::GenerationConfig config;
    config.max_new_tokens = 6;
    const auto generated = model->generate(both.prompts, both.features, config);
    REQUIRE(generated.tokens.size() == 2);

    for (size_t sample = 0; sample < 2; ++sample) {
      CAPTURE(sample);
      // Append what was generated as text and look at the argmax before each token.
      Prompt longer = both.prompts.samples[sample];
      for (const int64_t token : generated.tokens[sample]) {
        longer.ids.push_back(token);
        longer.tile.push_back(kNoTile);
        longer.is_slot.push_back(false);
        longer.labels.push_back(kIgnoredLabel);
      }
      const int64_t begin = both.prompts.samples[sample].size();
      const PromptBatch alone = collate({longer}, 0);
      const auto refs = alone.tile_refs();
      const auto count = static_cast<int64_t>(refs.size());
      const int64_t first = sample == 0 ? 0 : both.features.num_tiles() - count;
      const Tensor logits = model->logits(
          model->hidden_states(alone, {both.features.tokens.narrow(0, first, count), refs}));
      for (size_t i = 0; i < generated.tokens[sample].size(); ++i) {
        CHECK(logits[0][begin - 1 + static_cast<int64_t>(i)].argmax().item<int64_t>() ==
              generated.tokens[sample][i]);
      }
    }
  }
}

TEST_CASE("features that do not fit the prompts are refused") {
  MultimodalModel model(tiny_config(Variant::kHybrid));
  Sample sample(model, {{"a", {grid(2, 1)}, {}}, {"b", {grid(2, 1)}, {}}});
  vision::TileFeatures swapped = sample.features;
  std::swap(swapped.tiles[0], swapped.tiles[1]);
  CHECK_THROWS_WITH_AS(model->fuse(sample.prompts, swapped),
                       doctest::Contains("features 0 are of sample 0 picture 0 tile 1, expected "
                                         "sample 0 picture 0 tile 0"),
                       c10::Error);
  CHECK_THROWS_WITH_AS(model->fuse(sample.prompts, {}),
                       doctest::Contains("the prompts plan 6 tiles but there are features of 0"),
                       c10::Error);
  MultimodalModel d(tiny_config(Variant::kDecoder));
  CHECK_THROWS_WITH_AS(d->fuse(sample.prompts, sample.features),
                       doctest::Contains("this model has no cross-attention"), c10::Error);
}

TEST_CASE("configurations survive JSON, and broken ones are named") {
  for (const Variant variant : kVariants) {
    const Json json = to_json(tiny_config(variant));
    CHECK(to_json(multimodal_config_from_json(json)) == json);
  }
  const Json flamingo = to_json(flamingo_config(Variant::kHybrid));
  CHECK(to_json(multimodal_config_from_json(flamingo)) == flamingo);
  const auto fails_with = [](const Json& patch, const char* message) {
    Json json = to_json(tiny_config(Variant::kCrossAttention));
    json.merge_patch(patch);
    CAPTURE(message);
    CHECK_THROWS_WITH(multimodal_config_from_json(json), doctest::Contains(message));
  };
  fails_with({{"fusion_config", {{"variant", "z"}}}}, "'z', expected d, x, h or reversed");
  fails_with({{"fusion_config", {{"projector", {{"output_size", 17}}}}}}, "is 16, expected");
  fails_with({{"fusion_config", {{"projector", {{"hidden_size", -1}}}}}},
             "projector.hidden_size is -1");
  fails_with({{"fusion_config", {{"cross_attention", {{"depths", {2, 4}}}}}}},
             "depths ends with 4, but the decoder has 3 layers");
  fails_with({{"fusion_config", {{"cross_attention", {{"depths", "2"}}}}}}, "depths");
  fails_with({{"fusion_config", {{"cross_attention", {{"num_key_value_heads", 3}}}}}},
             "expected a multiple of its 3 key-value heads");
  fails_with({{"fusion_config", {{"cross_attention", {{"block", "resampler"}}}}}},
             "block is 'resampler', expected llama or flamingo");
  fails_with({{"fusion_config", {{"cross_attention", {{"block", "flamingo"}}}}}},
             "2 key-value heads, expected as many as heads, 4, in a flamingo block");
  fails_with({{"fusion_config", nullptr}}, "architecture 'NVLM_X' without a fusion_config");
  fails_with({{"downsample_ratio", 1.0}}, "expected 0.5, v2 and -1");
}

}  // namespace
}  // namespace nvlm::fusion
