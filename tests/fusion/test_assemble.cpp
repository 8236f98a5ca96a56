// Encoder + decoder + fresh fusion: the parts are what they were, and the whole trains.
#include "common/json.h"
#include "common/load_weights.h"
#include "common/weight_store.h"
#include "decoder/checkpoint.h"
#include "decoder/language_model_loss.h"
#include "decoder/meta_llama.h"
#include "fusion/assemble.h"
#include "fusion/model_parts.h"
#include "fusion/multimodal_checkpoint.h"
#include "fusion/prompt_tokens.h"
#include "tests/fusion/tiny_lab.h"
#include "tests/support/golden.h"
#include "tests/support/temp_dir.h"

namespace nvlm::fusion {
namespace {

using namespace nvlm::test;
namespace fs = std::filesystem;

/// A decoder's folder with a tokenizer that fits it.
struct TextModel {
  fs::path folder, tokenizer_json;
};

const std::vector<TextModel>& text_models() {
  static const std::vector<TextModel> all = {
      {golden("04_qwen2"), golden("07a_internvl_chat") / "tokenizer.json"},  // tied, 541 rows
      {golden("01_llama2/meta"), golden("07b_nvlm_d") / "tokenizer.json"},   // 397 rows
      {golden("07b_nvlm_d"), golden("07b_nvlm_d") / "tokenizer.json"}};      // 373 rows, 362 ids
  return all;
}

decoder::LlamaForCausalLM load_text_model(const TextModel& text) {
  if (!fs::exists(text.folder / "config.json")) return decoder::load_llama(text.folder);
  const DecoderPart part = open_decoder(text.folder);
  decoder::LlamaForCausalLM model(part.config);
  load_weights(*model, part.weights(),
               decoder::llama_load_options(part.config, at::kFloat, part.prefix));
  return model;
}

Assembly assemble_golden(Variant variant, const TextModel& text, AssembleConfig config = {}) {
  config.variant = variant;
  return assemble(golden("06a_internvit_300m"), text.folder, text.tokenizer_json, config);
}

/// Saved as the command saves it.
fs::path saved(const TempDir& dir, const Assembly& assembly) {
  write_json(dir / "tokenizer.json", assembly.tokenizer);
  save_multimodal(dir / "model", assembly.model, dir / "tokenizer.json", assembly.stored_dtype);
  return dir / "model";
}

}  // namespace

TEST_CASE("the text model is unchanged: D, X and H give the decoder's own logits") {
  const at::NoGradGuard no_grad;
  Random random(1);
  for (const TextModel& text : text_models()) {
    CAPTURE(text.folder.string());
    decoder::LlamaForCausalLM alone = load_text_model(text);
    const int64_t known = decoder::Tokenizer::from_file(text.tokenizer_json).vocab_size();
    std::vector<int64_t> ids(9);
    for (int64_t& id : ids) id = random.integer(0, known - 1);
    const Tensor row = at::tensor(ids, at::kLong).unsqueeze(0);
    const Tensor expected =
        alone(alone->text_inputs(row, at::ones_like(row, at::kBool))).slice(2, 0, known);
    for (const Variant variant : kVariants) {
      CAPTURE(name(variant));
      AssembleConfig config;
      config.max_tiles = 12;
      Assembly assembly = assemble_golden(variant, text, config);
      Prompt prompt;
      prompt.ids = ids;
      prompt.tile.assign(ids.size(), kNoTile);
      prompt.is_slot.assign(ids.size(), false);
      prompt.labels.assign(ids.size(), kIgnoredLabel);
      const PromptBatch batch = collate({prompt}, 0);
      const Tensor hidden = assembly.model->hidden_states(batch, {{}, batch.tile_refs()});
      check_close(assembly.model->logits(hidden).slice(2, 0, known), expected);
    }
  }
}

TEST_CASE("closed gates: a picture in the memory alone does not change X's answer") {
  const at::NoGradGuard no_grad;
  const TempDir dir;
  Assembly assembly = assemble_golden(Variant::kCrossAttention, text_models()[0]);
  const fs::path folder = saved(dir, assembly);
  const auto tokenizer = decoder::Tokenizer::from_file(folder / "tokenizer.json");
  const PromptBuilder builder(tokenizer, assembly.model->config().prompt());
  const PromptBatch batch = collate({builder.build("what is here", {grid(2, 1)})}, 0);
  const Tensor tiles = at::randn({3, 3, 84, 84});
  const auto logits = [&](const Tensor& pixels) {
    return assembly.model->logits(assembly.model->hidden_states(
        batch, {assembly.model->encode_tiles(pixels), batch.tile_refs()}));
  };
  CHECK(at::equal(logits(tiles), logits(tiles * 0)));
}

TEST_CASE("vision features are the encoder's, whichever folder it comes from") {
  const at::NoGradGuard no_grad;
  at::manual_seed(2);
  const Tensor tiles = at::randn({2, 3, 84, 84});
  for (const char* source :
       {"06a_internvit_300m", "06b_internvit_6b", "07a_internvl_chat", "07b_nvlm_d"}) {
    CAPTURE(source);
    const EncoderPart part = open_encoder(golden(source));
    vision::VisionEncoder alone(part.config);
    load_weights(*alone, part.weights, {.prefix = part.prefix});
    AssembleConfig config;
    config.variant = Variant::kHybrid;
    Assembly assembly =
        assemble(golden(source), text_models()[0].folder, text_models()[0].tokenizer_json, config);
    CHECK(at::equal(assembly.model->encode_tiles(tiles), alone->tile_tokens(tiles)));
    CHECK(assembly.model->config().preprocessor.tiling.tile_size == 84);
  }
}

TEST_CASE("saved and loaded an assembled model is the same, and its parts can be taken again") {
  const at::NoGradGuard no_grad;
  for (const Variant variant : kVariants) {
    CAPTURE(name(variant));
    const TempDir dir;
    AssembleConfig config;
    config.max_tiles = 12;
    const Assembly assembly = assemble_golden(variant, text_models()[2], config);
    CHECK(assembly.num_new_tokens == 15);
    CHECK(assembly.num_grown_rows == 4);
    CHECK((assembly.stored_dtype == at::kFloat));
    const fs::path folder = saved(dir, assembly);
    const MultimodalModel loaded = load_multimodal(folder);
    CHECK(to_json(loaded->config()) == to_json(assembly.model->config()));
    const auto expected = assembly.model->named_parameters();
    for (const auto& item : loaded->named_parameters()) {
      CAPTURE(item.key());
      CHECK(at::equal(item.value(), expected[item.key()]));
    }
    // Once more from the whole: no token is new now, and the parts keep their bits.
    const Assembly again = assemble(folder, folder, folder / "tokenizer.json", config);
    CHECK(again.num_new_tokens == 0);
    for (const auto& item : again.model->named_parameters()) {
      if (!item.key().starts_with("language_model.") && !item.key().starts_with("vision_model.")) {
        continue;
      }
      CHECK(at::equal(item.value(), expected[item.key()]));
    }
  }
}

TEST_CASE("every token of a prompt is one token, and a second tag is no other's row") {
  for (const TileTagKind tags :
       {TileTagKind::kNone, TileTagKind::k1d, TileTagKind::k2dGrid, TileTagKind::k2dBox}) {
    CAPTURE(name(tags));
    const TempDir dir;
    AssembleConfig config;
    config.tile_tags = tags;
    config.max_tiles = 12;
    const Assembly assembly = assemble_golden(Variant::kHybrid, text_models()[0], config);
    const auto tokenizer = decoder::Tokenizer::from_file(saved(dir, assembly) / "tokenizer.json");
    for (const std::string& token : prompt_tokens("nvlm_lab", tags, 12)) {
      CAPTURE(token);
      CHECK(tokenizer.encode(token) == std::vector<int64_t>{tokenizer.id(token)});
      CHECK(tokenizer.id(token) < assembly.model->config().decoder.vocab);
    }
    // Every tile of every picture that the tiling allows.
    for (int64_t columns = 1; columns <= 12; ++columns) {
      for (int64_t rows = 1; columns * rows <= 12; ++rows) {
        const vision::ImageLayout layout = grid(columns, rows);
        for (int64_t tile = 0; tile < layout.num_tiles(); ++tile) {
          const std::string tag = tile_tag(tags, layout, tile);
          CAPTURE(tag);
          const std::vector<int64_t> ids = tokenizer.encode(tag);
          if (tags == TileTagKind::k2dBox) {
            CHECK(ids.front() == tokenizer.id("<box>"));
            CHECK(ids.back() == tokenizer.id("</box>"));
          } else {
            CHECK(ids.size() == (tags == TileTagKind::kNone ? 0 : 1));
          }
        }
      }
    }
    const Tensor rows = assembly.model->language_model->model->embed_tokens->weight;
    if (tags == TileTagKind::k1d) {
      CHECK_FALSE(at::equal(rows[tokenizer.id("<tile_1>")], rows[tokenizer.id("<tile_2>")]));
    }
  }
}

TEST_CASE("a bfloat16 Llama 3: reserved names are used up first, and nothing is padded") {
  const TempDir dir;
  at::manual_seed(6);
  decoder::LlamaConfig config;
  config.hidden = 16;
  config.layers = 2;
  config.heads = config.kv_heads = 2;
  config.head_dim = 8;
  config.ffn_hidden = 24;
  config.vocab = 2275;
  decoder::LlamaForCausalLM llama(config);
  llama->to(at::kBFloat16);
  save_llama(dir / "llama", llama);
  const fs::path tokenizer_json = golden("11a_tokenizer_llama3") / "tokenizer.json";
  const Assembly mixed = assemble(golden("06a_internvit_300m"), dir / "llama", tokenizer_json, {});
  CHECK(mixed.num_new_tokens == 12);
  CHECK(mixed.num_grown_rows == 0);
  CHECK((mixed.stored_dtype == at::kFloat));  // the encoder is stored in it
  write_json(dir / "tokenizer.json", mixed.tokenizer);
  save_multimodal(dir / "whole", mixed.model, dir / "tokenizer.json", at::kBFloat16);
  const Assembly again = assemble(dir / "whole", dir / "llama", tokenizer_json, {});
  CHECK((again.stored_dtype == at::kBFloat16));
  // A new row is near the mean of the others, in the head as well as in the embedding.
  const int64_t id = decoder::Tokenizer::from_file(dir / "tokenizer.json").id("<tile_1>");
  const auto parameters = mixed.model->named_parameters();
  for (const char* name : {"model.embed_tokens.weight", "lm_head.weight"}) {
    CAPTURE(name);
    const Tensor rows = parameters[std::string("language_model.") + name];
    const Tensor distance = ((rows[id] - rows.mean(0)) / rows.std(0)).abs();
    CHECK(distance.max().item<double>() < 0.5);
    CHECK(distance.min().item<double>() > 0);
  }
}

TEST_CASE("tokens of the templates, by hand") {
  using Names = std::vector<std::string>;
  const Names markers = {"<|im_start|>", "<|im_end|>", "<|vision_pad|>", "<Image>", "</Image>"};
  const auto with = [&](const Names& more) {
    Names all = markers;
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  CHECK(prompt_tokens("nvlm_lab", TileTagKind::kNone, 6) == markers);
  CHECK(prompt_tokens("nvlm_lab", TileTagKind::k1d, 2) ==
        with({"<tile_1>", "<tile_2>", "<tile_global_thumbnail>"}));
  CHECK(prompt_tokens("nvlm_lab", TileTagKind::k1d, 1) == with({"<tile_global_thumbnail>"}));
  CHECK(prompt_tokens("nvlm_lab", TileTagKind::k2dGrid, 3) ==
        with({"<tile_x0_y0>", "<tile_x1_y0>", "<tile_x2_y0>", "<tile_global_thumbnail>",
              "<tile_x0_y1>", "<tile_x0_y2>"}));
  CHECK(prompt_tokens("nvlm_lab", TileTagKind::k2dBox, 6) == with({"<box>", "</box>"}));
  CHECK(prompt_tokens("chatml", TileTagKind::k1d, 6) ==
        Names{"<|im_start|>", "<|im_end|>", "<|vision_pad|>"});
  CHECK(prompt_tokens("internvl2_5", TileTagKind::kNone, 6) ==
        Names{"<|im_start|>", "<|im_end|>", "<IMG_CONTEXT>", "<img>", "</img>"});
  CHECK_THROWS_AS(prompt_tokens("nvlm_lab", TileTagKind::k1d, 0), std::invalid_argument);
  CHECK_THROWS_WITH(prompt_tokens("alpaca", TileTagKind::k1d, 6), doctest::Contains("'alpaca'"));
}

TEST_CASE("an assembled model trains: the loss falls and the gradient reaches the projector") {
  for (const Variant variant : kVariants) {
    CAPTURE(name(variant));
    const TempDir dir;
    Assembly assembly = assemble_golden(variant, text_models()[0]);
    MultimodalModel& model = assembly.model;
    const auto tokenizer = decoder::Tokenizer::from_file(saved(dir, assembly) / "tokenizer.json");
    const PromptBuilder builder(tokenizer, model->config().prompt());
    const PromptBatch batch = collate({builder.build("what is here", {grid(2, 1)}, "| a | b |"),
                                       builder.build("and here", {grid(1, 1)}, "| c |")},
                                      0);
    at::manual_seed(8);
    const Tensor features = model->encode_tiles(at::randn({4, 3, 84, 84})).detach();
    const auto step = [&] {
      model->zero_grad();
      const decoder::LossSum loss = decoder::language_model_loss(
          model->language_model, model->hidden_states(batch, {features, batch.tile_refs()}),
          batch.labels);
      const Tensor mean = loss.mean();
      mean.backward();
      const at::NoGradGuard no_grad;
      for (Tensor& weight : model->parameters()) {
        if (weight.grad().defined()) weight.sub_(weight.grad(), 1e-3);
      }
      return mean.item<double>();
    };
    const double first = step();
    // Closed gates let no gradient through in the first step; they themselves get one.
    const double second = step();
    const Tensor gradient = model->named_parameters()["mlp1.1.weight"].grad();
    REQUIRE(gradient.defined());
    CHECK(gradient.abs().max().item<double>() > 0);
    CHECK(std::isfinite(first));
    CHECK(second < first);
  }
}

TEST_CASE("sizes and choices: spacing, gates, tile size, template, seeds") {
  CHECK(default_block_spacing(80) == 8);
  CHECK(default_block_spacing(60) == 6);
  CHECK(default_block_spacing(16) == 2);
  CHECK(default_block_spacing(3) == 1);
  AssembleConfig config;
  config.every = 2;
  config.tile_size = 112;
  config.max_tiles = 4;
  config.tile_tags = TileTagKind::k2dGrid;
  const Assembly x = assemble_golden(Variant::kCrossAttention, text_models()[0], config);
  const MultimodalConfig& made = x.model->config();
  CHECK(made.fusion.depths == std::vector<int64_t>{2});
  CHECK(made.fusion.cross_attention.gate_init == 0);
  CHECK(made.fusion.tile_tags == TileTagKind::k2dGrid);
  CHECK(made.preprocessor.tiling.tile_size == 112);
  CHECK(made.preprocessor.tiling.max_tiles == 4);
  CHECK(made.tile_tokens() == 16);

  const auto projector = [](const Assembly& assembly) {
    return assembly.model->named_parameters()["mlp1.1.weight"];
  };
  const Assembly same = assemble_golden(Variant::kCrossAttention, text_models()[0], config);
  config.seed = 1;
  const Assembly other = assemble_golden(Variant::kCrossAttention, text_models()[0], config);
  CHECK(at::equal(projector(x), projector(same)));
  CHECK_FALSE(at::equal(projector(x), projector(other)));

  AssembleConfig chatml;
  chatml.prompt_template = "chatml";
  CHECK(assemble_golden(Variant::kDecoder, text_models()[2], chatml).num_new_tokens == 0);
  CHECK_THROWS_WITH(assemble_golden(Variant::kHybrid, text_models()[2], chatml),
                    doctest::Contains("'chatml' serves inline tiles only"));
  AssembleConfig odd;
  odd.tile_size = 70;
  CHECK_THROWS_WITH(assemble_golden(Variant::kDecoder, text_models()[0], odd),
                    doctest::Contains("tile size modulo two patches"));
}

TEST_CASE("folders without the part are named with what is wrong") {
  const TempDir dir;
  CHECK_THROWS_WITH(open_encoder(dir / "none"), doctest::Contains("is no folder"));
  CHECK_THROWS_WITH(open_encoder(dir.path()), doctest::Contains("holds no config.json"));
  CHECK_THROWS_WITH(open_encoder(golden("04_qwen2")),
                    doctest::Contains("holds no InternViT: there is no tensor "
                                      "'embeddings.class_embedding'"));
  CHECK_THROWS_WITH(open_encoder(golden("08_mllama")),
                    doctest::Contains("'vision_model.embeddings.class_embedding'"));
  CHECK_THROWS_WITH(open_decoder(dir / "none"), doctest::Contains("is no folder"));
  CHECK_THROWS_WITH(open_decoder(golden("05_gpt2")),
                    doctest::Contains("is a GPT-2, expected a Llama or Qwen2"));
  CHECK_THROWS_WITH(open_decoder(golden("08_mllama")), doctest::Contains("has a text_config"));
  CHECK_THROWS_WITH(
      open_decoder(golden("06a_internvit_300m")),
      doctest::Contains("holds no Llama or Qwen2: there is no tensor 'model.embed_tokens.weight'"));
  // A damaged number must not allocate the machine's memory.
  fs::copy(golden("04_qwen2"), dir / "huge");
  Json json = read_json(dir / "huge/config.json");
  json["intermediate_size"] = 1 << 20;
  write_json(dir / "huge/config.json", json);
  CHECK_THROWS_WITH(open_decoder(dir / "huge"), doctest::Contains("parameters, but"));
  json = read_json(golden("04_qwen2") / "config.json");
  json["vocab_size"] = 540;
  write_json(dir / "huge/config.json", json);
  CHECK_THROWS_WITH(
      assemble(golden("06a_internvit_300m"), dir / "huge", text_models()[0].tokenizer_json, {}),
      doctest::Contains("'model.embed_tokens.weight' is [541, 70], expected [540, 70]"));
}

}  // namespace nvlm::fusion
