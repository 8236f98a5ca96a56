// splice and remember on numbers that can be checked by hand.
#include "fusion/remember.h"
#include "fusion/splice.h"
#include "tests/fusion/tiny_lab.h"

namespace nvlm::fusion {
namespace {

using namespace nvlm::test;

constexpr int64_t kTokensOfTile = 2, kRouteHidden = 3;

PromptBatch batch(Variant variant, const std::vector<Question>& questions) {
  const PromptBuilder builder(tiny_tokenizer(),
                              {routing(variant), TileTagKind::k1d, kTokensOfTile, {}});
  std::vector<Prompt> prompts;
  for (const Question& question : questions) {
    prompts.push_back(builder.build(question.text, question.layouts, question.answer));
  }
  return collate(std::move(prompts), 0);
}

/// Tile number n (from 1, over the batch), token j: all entries 10 n + j.
vision::TileFeatures numbered_tiles(const PromptBatch& prompts) {
  const std::vector<vision::TileRef> refs = prompts.tile_refs();
  const auto count = static_cast<int64_t>(refs.size());
  const Tensor tile = 10 * at::arange(1, count + 1).view({count, 1, 1});
  const Tensor token = at::arange(kTokensOfTile).view({1, kTokensOfTile, 1});
  return {(tile + token).expand({count, kTokensOfTile, kRouteHidden}).to(at::kDouble).contiguous(),
          refs};
}

/// Embeds an id as its negative.
Tensor negative_embeddings(const Tensor& ids) {
  return -ids.unsqueeze(-1).expand({ids.size(0), ids.size(1), kRouteHidden}).to(at::kDouble);
}

TEST_CASE("splice fills the slots in order and leaves the text") {
  const PromptBatch prompts = batch(
      Variant::kDecoder, {{"q", {grid(2, 1)}, {}}, {"text", {}, {}}, {"q", {grid(1, 1)}, {}}});
  const Tensor embeddings = negative_embeddings(prompts.ids);
  const Tensor spliced = splice(embeddings, prompts, numbered_tiles(prompts));
  const Tensor slots = spliced.index({prompts.is_slot}).select(1, 0);
  CHECK(at::equal(slots, at::tensor({10., 11., 20., 21., 30., 31., 40., 41.}, at::kDouble)));
  const Tensor text = prompts.is_slot.logical_not();
  CHECK(at::equal(spliced.index({text}), embeddings.index({text})));
}

TEST_CASE("splice counts sample by sample") {
  const PromptBatch prompts =
      batch(Variant::kDecoder, {{"q", {grid(1, 1)}, {}}, {"q", {grid(2, 1)}, {}}});
  const Tensor embeddings = negative_embeddings(prompts.ids);
  vision::TileFeatures tiles = numbered_tiles(prompts);
  tiles.tiles[1].sample = 0;  // the total still fits
  CHECK_THROWS_WITH_AS(
      splice(embeddings, prompts, tiles),
      doctest::Contains(
          "fusion.splice: sample 0 has 2 image slots but 4 tile tokens (2 tiles x 2)"),
      c10::Error);
  tiles = numbered_tiles(prompts);
  tiles.tokens = tiles.tokens.narrow(1, 0, 1);
  CHECK_THROWS_WITH_AS(splice(embeddings, prompts, tiles),
                       doctest::Contains("sample 0 has 2 image slots but 1 tile tokens"),
                       c10::Error);
  CHECK_THROWS_WITH_AS(splice(embeddings, prompts, {}),
                       doctest::Contains("sample 0 has 2 image slots but 0 tile tokens"),
                       c10::Error);
}

TEST_CASE("X remembers all tiles; tags see their own, text what stands before it") {
  const PromptBatch prompts = batch(
      Variant::kCrossAttention,
      {{"a <image> b <image> c", {grid(2, 1), grid(1, 1)}, {}}, {"a <image>", {grid(1, 1)}, {}}});
  const auto memory = remember(prompts, numbered_tiles(prompts), negative_embeddings);
  REQUIRE(memory);
  CHECK(memory->tokens.sizes() == at::IntArrayRef({2, 8, kRouteHidden}));
  CHECK(at::equal(memory->tokens.select(2, 0), at::tensor({10., 11., 20., 21., 30., 31., 40., 41.,
                                                           50., 51., 0., 0., 0., 0., 0., 0.})
                                                   .to(at::kDouble)
                                                   .view({2, 8})));
  for (int64_t sample = 0; sample < 2; ++sample) {
    const Prompt& prompt = prompts.samples[static_cast<size_t>(sample)];
    for (int64_t t = 0; t < prompts.ids.size(1); ++t) {
      for (int64_t column = 0; column < 8; ++column) {
        const int64_t tile = column / kTokensOfTile;
        bool expected = t < prompt.size() && tile < static_cast<int64_t>(prompt.tiles.size());
        if (expected && prompt.tile[static_cast<size_t>(t)] == kNoTile) {
          const auto image = prompt.tiles[static_cast<size_t>(tile)].image;
          expected = t >= prompt.visible_from[static_cast<size_t>(image)];
        } else if (expected) {
          expected = prompt.tile[static_cast<size_t>(t)] == tile;
        }
        CAPTURE(sample);
        CAPTURE(t);
        CAPTURE(column);
        CHECK(memory->mask[sample][t][column].item<bool>() == expected);
      }
    }
  }
}

TEST_CASE("H remembers regular tiles behind their tags") {
  const PromptBatch prompts = batch(Variant::kHybrid, {{"q", {grid(2, 1)}, {}}});
  const auto refs = numbered_tiles(prompts).where(vision::TileRole::kRegular);
  const auto memory = remember(prompts, refs, negative_embeddings);
  const auto unbound = remember(prompts, refs, negative_embeddings, /*bind_tags=*/false);
  REQUIRE(memory);
  REQUIRE(unbound);
  std::vector<double> expected, expected_unbound;
  for (int64_t tile = 1; tile <= 2; ++tile) {
    double sum = 0;
    const auto tag = tiny_tokenizer().encode("<tile_" + std::to_string(tile) + ">");
    for (const int64_t id : tag) {
      expected.push_back(-static_cast<double>(id));
      expected_unbound.push_back(-static_cast<double>(id));
      sum -= static_cast<double>(id);
    }
    for (const double token :
         {10. * static_cast<double>(tile), 10. * static_cast<double>(tile) + 1}) {
      expected.push_back(token + sum / static_cast<double>(tag.size()));
      expected_unbound.push_back(token);
    }
  }
  check_close(memory->tokens[0].select(1, 0), at::tensor(expected, at::kDouble));
  CHECK(at::equal(unbound->tokens[0].select(1, 0), at::tensor(expected_unbound, at::kDouble)));
  CHECK(at::equal(unbound->mask, memory->mask));
  // The inline thumbnail's tag and slots read nothing; the last token reads all.
  const Prompt& prompt = prompts.samples[0];
  for (int64_t t = 0; t < prompt.size(); ++t) {
    const bool sees = prompt.tile[static_cast<size_t>(t)] == kNoTile && t >= prompt.visible_from[0];
    CHECK(memory->mask[0][t].any().item<bool>() == sees);
    CHECK(memory->mask[0][t].all().item<bool>() == sees);
  }
}

TEST_CASE("no tile in the memory: nothing to remember, nothing embedded") {
  const PromptBatch prompts = batch(Variant::kHybrid, {{"q", {grid(1, 1)}, {}}, {"q", {}, {}}});
  CHECK_FALSE(remember(prompts, {}, [](const Tensor&) -> Tensor {
    FAIL("embeds nothing");
    return {};
  }));
}

TEST_CASE("remember names the sample whose tiles do not fit the plan") {
  const PromptBatch prompts =
      batch(Variant::kCrossAttention, {{"q", {}, {}}, {"q", {grid(2, 1)}, {}}});
  vision::TileFeatures tiles = numbered_tiles(prompts);
  tiles.tokens = tiles.tokens.narrow(0, 0, 2);
  tiles.tiles.pop_back();
  CHECK_THROWS_WITH_AS(
      remember(prompts, tiles, negative_embeddings),
      doctest::Contains("sample 1 plans 3 tiles x 2 tokens in the memory but has 2"), c10::Error);
}

}  // namespace
}  // namespace nvlm::fusion
