// What must hold whatever the weights are (gates open unless said otherwise): one suite for all
// variants.
#include "decoder/kv_cache.h"
#include "fusion/remember.h"
#include "tests/fusion/tiny_lab.h"

namespace nvlm::fusion {
namespace {

using namespace nvlm::test;
using vision::TileFeatures;

constexpr uint64_t kSeeds = 8;

template <class Check>
void for_many_labs(const Check& check) {
  const at::NoGradGuard no_grad;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    CAPTURE(seed);
    TinyLab lab(seed);
    check(lab);
  }
}

template <class Check>
void for_many_labs_and_variants(const Check& check) {
  for_many_labs([&](TinyLab& lab) {
    for (const Variant variant : kVariants) {
      CAPTURE(name(variant));
      check(lab, variant);
    }
  });
}

/// The positions begin .. end - 1 of a pass.
decoder::DecoderInputs slice(const decoder::DecoderInputs& inputs, int64_t begin, int64_t end) {
  decoder::DecoderInputs part;
  part.embeddings = inputs.embeddings.slice(1, begin, end);
  part.position_ids = inputs.position_ids.slice(1, begin, end);
  part.attention_mask = inputs.attention_mask.slice(1, begin, end);
  if (inputs.cross_attention) {
    part.cross_attention = decoder::CrossAttention{
        inputs.cross_attention->blocks, {}, inputs.cross_attention->mask.slice(1, begin, end)};
    if (begin == 0) part.cross_attention->memory = inputs.cross_attention->memory;
  }
  return part;
}

/// The same tiles in a new batch that routes them otherwise.
TileFeatures reused(const TileFeatures& features, const PromptBatch& prompts) {
  return {features.tokens, prompts.tile_refs()};
}

TEST_CASE("identity 1: a text-only prompt never notices the fusion module") {
  for_many_labs_and_variants([](TinyLab& lab, Variant variant) {
    Question text = lab.random_question();
    text.text = "what is here";
    text.layouts.clear();
    const PromptBatch alone = lab.batch(routing(variant), {text});
    check_close(lab.logits(alone, {}), lab.text_logits(alone));

    // Nor does it beside a sample with pictures.
    const PromptBatch mixed = lab.batch(routing(variant), {lab.random_question(), text});
    const Tensor logits = lab.logits(mixed, lab.features(mixed));
    check_close(logits[1].slice(0, 0, alone.ids.size(1)), lab.text_logits(alone)[0]);
  });
}

TEST_CASE("identity 2: with closed gates X is Llama and H is D on the thumbnail") {
  for_many_labs([](TinyLab& lab) {
    Question question = lab.random_question();
    const PromptBatch x = lab.batch(routing(Variant::kCrossAttention), {question});
    const PromptBatch h = lab.batch(routing(Variant::kHybrid), {question});
    for (vision::ImageLayout& layout : question.layouts) layout = grid(1, 1);
    const PromptBatch d = lab.batch(routing(Variant::kDecoder), {question});
    const TileFeatures tiles = lab.features(h);
    const TileFeatures thumbnails = tiles.where(vision::TileRole::kThumbnail);

    CHECK_FALSE(
        compare_tensors(lab.logits(x, reused(tiles, x)), lab.text_logits(x), tolerance(at::kDouble))
            .close);
    lab.set_gates(0);
    check_close(lab.logits(x, reused(tiles, x)), lab.text_logits(x));
    check_close(lab.logits(h, tiles), lab.logits(d, reused(thumbnails, d)));
  });
}

TEST_CASE("identity 3: H without regular tiles is D, without thumbnail X set up alike") {
  for_many_labs([](TinyLab& lab) {
    Question question = lab.random_question();
    for (vision::ImageLayout& layout : question.layouts) layout = grid(1, 1);
    const PromptBatch d = lab.batch(routing(Variant::kDecoder), {question});
    const PromptBatch h = lab.batch(routing(Variant::kHybrid), {question});
    const TileFeatures thumbnails = lab.features(d);
    CHECK(at::equal(lab.logits(h, reused(thumbnails, h)), lab.logits(d, thumbnails)));

    for (vision::ImageLayout& layout : question.layouts) layout = grid(2, 1, false);
    const Routing x_alike = {Route::kMemory, Route::kMemory, /*memory_tags=*/Route::kMemory};
    const PromptBatch no_thumbnail = lab.batch(routing(Variant::kHybrid), {question});
    const PromptBatch x = lab.batch(x_alike, {question});
    const TileFeatures tiles = lab.features(x);
    CHECK(at::equal(lab.logits(no_thumbnail, reused(tiles, no_thumbnail)), lab.logits(x, tiles)));
  });
}

TEST_CASE("D's module, which has no blocks, computes what the other modules do for D's prompts") {
  for_many_labs([](TinyLab& lab) {
    const PromptBatch d = lab.batch(routing(Variant::kDecoder), {lab.random_question()});
    const TileFeatures tiles = lab.features(d);
    const auto inputs = lab.module(/*inline_only=*/true).forward(d, tiles, [&](auto& ids) {
      return lab.decoder->embed(ids);
    });
    CHECK(at::equal(inputs.embeddings, lab.inputs(d, tiles).embeddings));
  });
}

TEST_CASE("identity 4: text before a picture and other samples do not move with it") {
  for_many_labs_and_variants([](TinyLab& lab, Variant variant) {
    const std::vector<Question> questions = {lab.random_question(), lab.random_question()};
    const PromptBatch prompts = lab.batch(routing(variant), questions);
    TileFeatures tiles = lab.features(prompts);
    const Tensor before = lab.logits(prompts, tiles);

    // Change the last picture of sample 0.
    const auto last = static_cast<int64_t>(questions[0].layouts.size()) - 1;
    tiles.tokens = tiles.tokens.clone();
    for (size_t row = 0; row < tiles.tiles.size(); ++row) {
      const auto& tile = tiles.tiles[row];
      if (tile.sample == 0 && tile.image == last) tiles.tokens[static_cast<int64_t>(row)].normal_();
    }
    const Tensor after = lab.logits(prompts, tiles);
    const int64_t begin = prompts.samples[0].visible_from[static_cast<size_t>(last)];
    check_close(after[0].slice(0, 0, begin), before[0].slice(0, 0, begin));
    check_close(after[1], before[1]);
    const int64_t end = prompts.samples[0].size() - 1;
    CHECK_FALSE(compare_tensors(after[0][end], before[0][end], tolerance(at::kDouble)).close);
  });
}

TEST_CASE("identity 5: decoding with a cache is the full pass") {
  for_many_labs_and_variants([](TinyLab& lab, Variant variant) {
    const PromptBatch prompts = lab.batch(routing(variant), {lab.random_question()});
    const auto inputs = lab.inputs(prompts, lab.features(prompts));
    const Tensor expected = lab.decoder->forward(inputs);
    const int64_t seq = prompts.ids.size(1), prefill = lab.random.integer(1, seq - 1);
    CAPTURE(prefill);
    decoder::KvCache cache(lab.config.layers, 1, lab.config.kv_heads, lab.config.head_dim, seq,
                           at::TensorOptions(at::kDouble));
    std::vector<Tensor> parts = {lab.decoder->forward(slice(inputs, 0, prefill), &cache)};
    for (int64_t t = prefill; t < seq; ++t) {
      parts.push_back(lab.decoder->forward(slice(inputs, t, t + 1), &cache));
    }
    check_close(at::cat(parts, 1), expected);
  });
}

TEST_CASE("identity 6: neither right padding nor the order of the memory matters") {
  for_many_labs_and_variants([](TinyLab& lab, Variant variant) {
    std::vector<Question> questions = {lab.random_question(), lab.random_question()};
    questions[1].text += " what is written here what is written here what is written here";
    questions[1].layouts.back() = grid(3, 2);
    const PromptBatch both = lab.batch(routing(variant), questions);
    const TileFeatures tiles = lab.features(both);
    const Tensor expected = lab.logits(both, tiles);
    for (int64_t sample = 0; sample < 2; ++sample) {
      CAPTURE(sample);
      const PromptBatch alone =
          lab.batch(routing(variant), {questions[static_cast<size_t>(sample)]});
      const int64_t first = sample == 0 ? 0 : static_cast<int64_t>(both.samples[0].tiles.size());
      const auto count = static_cast<int64_t>(alone.tile_refs().size());
      const TileFeatures own = {tiles.tokens.narrow(0, first, count), alone.tile_refs()};
      check_close(expected[sample].slice(0, 0, alone.ids.size(1)), lab.logits(alone, own)[0]);
    }

    auto inputs = lab.inputs(both, tiles);
    if (!inputs.cross_attention) return;
    auto& cross = *inputs.cross_attention;
    const Tensor order = at::randperm(cross.memory.size(1));
    cross.memory = cross.memory.index_select(1, order);
    cross.mask = cross.mask.index_select(2, order);
    const Tensor permuted = lab.decoder->forward(inputs);
    for (int64_t sample = 0; sample < 2; ++sample) {
      const int64_t length = both.samples[static_cast<size_t>(sample)].size();
      check_close(permuted[sample].slice(0, 0, length), expected[sample].slice(0, 0, length));
    }
  });
}

TEST_CASE("identity 7: in X a tile's tag sees its own tile and no other") {
  for_many_labs([](TinyLab& lab) {
    const PromptBatch prompts =
        lab.batch(routing(Variant::kCrossAttention), {lab.random_question()});
    TileFeatures tiles = lab.features(prompts);
    const auto block = [&] {  // the first block alone: deeper down tags hear from each other
      const auto inputs = lab.inputs(prompts, tiles);
      auto& cross = *inputs.cross_attention;
      return cross.blocks->update(0, inputs.embeddings,
                                  cross.blocks->project_memory(0, cross.memory), cross.mask,
                                  nullptr)[0];
    };
    const Tensor before = block();
    const int64_t changed = lab.random.integer(0, tiles.num_tiles() - 1);
    tiles.tokens = tiles.tokens.clone();
    tiles.tokens[changed].normal_();
    const Tensor moved = (block() - before).abs().amax(-1);  // [seq]
    bool has_tag = false;
    for (int64_t t = 0; t < prompts.samples[0].size(); ++t) {
      const int64_t tile = prompts.samples[0].tile[static_cast<size_t>(t)];
      if (tile == kNoTile) continue;
      CAPTURE(t);
      CHECK((moved[t].item<double>() > 1e-9) == (tile == changed));
      has_tag = true;
    }
    CHECK(has_tag);
  });
}

TEST_CASE("identity 7: in H swapping two tiles together with their tags changes nothing") {
  for_many_labs([](TinyLab& lab) {
    Question question = lab.random_question();
    question.layouts = {grid(3, 2)};
    question.text = "what is here";
    PromptBatch prompts = lab.batch(routing(Variant::kHybrid), {question});
    TileFeatures tiles = lab.features(prompts);
    const Tensor expected = lab.logits(prompts, tiles);

    const Tensor swap = at::tensor({1, 0, 2, 3, 4, 5, 6}, at::kLong);
    tiles.tokens = tiles.tokens.index_select(0, swap);
    CHECK_FALSE(
        compare_tensors(lab.logits(prompts, tiles), expected, tolerance(at::kDouble)).close);
    auto& places = prompts.samples[0].tiles;
    REQUIRE(places[0].memory_tag.size() == places[1].memory_tag.size());
    std::swap(places[0].memory_tag, places[1].memory_tag);
    check_close(lab.logits(prompts, tiles), expected);
  });
}

TEST_CASE("in H a tag that only stands beside its tile says nothing, so tags are bound") {
  for_many_labs([](TinyLab& lab) {
    Question question = lab.random_question();
    question.layouts = {grid(3, 2)};
    question.text = "what is here";
    const PromptBatch prompts = lab.batch(routing(Variant::kHybrid), {question});
    auto inputs = lab.inputs(prompts, lab.features(prompts));
    const std::vector<vision::TileRef> refs = prompts.tile_refs();
    TileFeatures regular = {at::randn({6, lab.tile_tokens, lab.config.hidden}, at::kDouble),
                            {refs.begin(), refs.end() - 1}};
    const auto logits = [&](bool bind_tags) {
      const auto memory = remember(
          prompts, regular, [&](auto& ids) { return lab.decoder->embed(ids); }, bind_tags);
      inputs.cross_attention->memory = memory->tokens;
      return lab.decoder->forward(inputs);
    };
    const Tensor beside = logits(false), bound = logits(true);
    regular.tokens = regular.tokens.flip({0});  // every tile under another's tag
    check_close(logits(false), beside);
    CHECK_FALSE(compare_tensors(logits(true), bound, tolerance(at::kDouble)).close);
  });
}

TEST_CASE("every tile matters to the last token, in every variant") {
  for_many_labs_and_variants([](TinyLab& lab, Variant variant) {
    const PromptBatch prompts = lab.batch(routing(variant), {lab.random_question()});
    TileFeatures tiles = lab.features(prompts);
    const Tensor expected = lab.logits(prompts, tiles)[0][-1];
    const Tensor tokens = tiles.tokens;
    for (int64_t tile = 0; tile < tiles.num_tiles(); ++tile) {
      CAPTURE(tile);
      tiles.tokens = tokens.clone();
      tiles.tokens[tile].normal_();
      CHECK_FALSE(
          compare_tensors(lab.logits(prompts, tiles)[0][-1], expected, tolerance(at::kDouble))
              .close);
    }
  });
}

}  // namespace
}  // namespace nvlm::fusion
