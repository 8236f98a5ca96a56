#include <algorithm>

#include "tests/fusion/tiny_lab.h"

namespace nvlm::fusion {
namespace {

using namespace nvlm::test;

constexpr int64_t kTileTokens = 2;

Prompt build(Variant variant, const Question& question, TileTagKind tags = TileTagKind::k1d) {
  return PromptBuilder(tiny_tokenizer(), {routing(variant), tags, kTileTokens, {}})
      .build(question.text, question.layouts, question.answer);
}

std::string text(const Prompt& prompt) { return tiny_tokenizer().decode(prompt.ids, false); }

TEST_CASE("the routing table of the paper") {
  using enum Route;
  CHECK(routing(Variant::kDecoder).thumbnail == kInline);
  CHECK(routing(Variant::kDecoder).regular == kInline);
  CHECK(routing(Variant::kCrossAttention).thumbnail == kMemory);
  CHECK(routing(Variant::kCrossAttention).regular == kMemory);
  CHECK(routing(Variant::kCrossAttention).memory_tags == kInline);
  CHECK(routing(Variant::kHybrid).thumbnail == kInline);
  CHECK(routing(Variant::kHybrid).regular == kMemory);
  CHECK(routing(Variant::kHybrid).memory_tags == kMemory);
  for (const Variant variant : kVariants) CHECK(parse_variant(name(variant)) == variant);
  CHECK_THROWS_WITH_AS(parse_variant("y"), doctest::Contains("'y', expected d, x, h or reversed"),
                       std::invalid_argument);
}

TEST_CASE("tile tags as in Table 1 of the paper") {
  const vision::ImageLayout layout = grid(2, 2);
  const auto tags = [&](TileTagKind kind) {
    std::string all;
    for (int64_t tile = 0; tile < 5; ++tile) all += tile_tag(kind, layout, tile);
    return all;
  };
  CHECK(tags(TileTagKind::kNone).empty());
  CHECK(tags(TileTagKind::k1d) == "<tile_1><tile_2><tile_3><tile_4><tile_global_thumbnail>");
  CHECK(tags(TileTagKind::k2dGrid) ==
        "<tile_x0_y0><tile_x1_y0><tile_x0_y1><tile_x1_y1><tile_global_thumbnail>");
  CHECK(tags(TileTagKind::k2dBox) ==
        "<box> (0, 0), (500, 500) </box><box> (500, 0), (1000, 500) </box>"
        "<box> (0, 500), (500, 1000) </box><box> (500, 500), (1000, 1000) </box>"
        "<box> (0, 0), (1000, 1000) </box>");
  CHECK(tile_tag(TileTagKind::k1d, grid(1, 1), 0) == "<tile_global_thumbnail>");
  CHECK_THROWS_AS(tile_tag(TileTagKind::k1d, layout, 5), std::out_of_range);
  for (const auto kind :
       {TileTagKind::kNone, TileTagKind::k1d, TileTagKind::k2dGrid, TileTagKind::k2dBox}) {
    CHECK(parse_tile_tag_kind(name(kind)) == kind);
  }
}

TEST_CASE("what stands in the sequence, by variant") {
  const Question question = {"what is here", {grid(2, 1)}, "x1"};
  const std::string begin = "<|im_start|>user\n<Image>";
  const std::string end = "</Image>\nwhat is here<|im_end|>\n<|im_start|>assistant\nx1<|im_end|>";
  const std::string slots = "<|vision_pad|><|vision_pad|>";
  CHECK(text(build(Variant::kDecoder, question)) ==
        begin + "<tile_1>" + slots + "<tile_2>" + slots + "<tile_global_thumbnail>" + slots + end);
  CHECK(text(build(Variant::kCrossAttention, question)) ==
        begin + "<tile_1><tile_2><tile_global_thumbnail>" + end);
  CHECK(text(build(Variant::kHybrid, question)) == begin + "<tile_global_thumbnail>" + slots + end);
  CHECK(text(build(Variant::kReversed, question)) ==
        begin + "<tile_1>" + slots + "<tile_2>" + slots + end);
  CHECK(text(build(Variant::kDecoder, question, TileTagKind::kNone)) ==
        begin + slots + slots + slots + end);
}

TEST_CASE("labels are the answer and its end token; answer_begin is where they start") {
  for (const Variant variant : kVariants) {
    const Prompt prompt = build(variant, {"what", {grid(2, 1)}, "is written"});
    auto expected = tiny_tokenizer().encode("is written");
    expected.push_back(tiny_tokenizer().id("<|im_end|>"));
    REQUIRE(prompt.size() == prompt.answer_begin + static_cast<int64_t>(expected.size()));
    for (int64_t t = 0; t < prompt.size(); ++t) {
      const auto i = static_cast<size_t>(t);
      if (t < prompt.answer_begin) {
        CHECK(prompt.labels[i] == kIgnoredLabel);
      } else {
        CHECK(prompt.labels[i] == expected[static_cast<size_t>(t - prompt.answer_begin)]);
        CHECK(prompt.ids[i] == prompt.labels[i]);
      }
    }
    const Prompt open = build(variant, {"what", {grid(2, 1)}, std::nullopt});
    CHECK(open.size() == prompt.answer_begin);
    CHECK(open.answer_begin == prompt.answer_begin);
    CHECK(std::equal(open.ids.begin(), open.ids.end(), prompt.ids.begin()));
  }
}

TEST_CASE("placements say where every tile's tokens stand") {
  const Question question = {"a <image> b <image> c", {grid(2, 1), grid(1, 1)}, std::nullopt};
  for (const Variant variant : kVariants) {
    CAPTURE(name(variant));
    const Prompt prompt = build(variant, question);
    REQUIRE(prompt.tiles.size() == 4);
    int64_t memory_end = 0;
    for (size_t k = 0; k < prompt.tiles.size(); ++k) {
      const TilePlacement& place = prompt.tiles[k];
      CHECK(place.image == (k < 3 ? 0 : 1));
      CHECK(place.route == routing(variant).of(place.role));
      if (place.route == Route::kMemory) {
        CHECK(place.begin == memory_end + static_cast<int64_t>(place.memory_tag.size()));
        CHECK(place.memory_tag.empty() == (variant == Variant::kCrossAttention));
        memory_end = place.begin + kTileTokens;
      } else {
        for (int64_t t = 0; t < prompt.size(); ++t) {
          const auto i = static_cast<size_t>(t);
          const bool inside = t >= place.begin && t < place.begin + kTileTokens;
          CHECK((prompt.is_slot[i] && prompt.tile[i] == static_cast<int64_t>(k)) == inside);
        }
      }
    }
    CHECK(prompt.memory_size() == memory_end);
    CHECK(prompt.visible_from.size() == 2);
    CHECK(prompt.visible_from[0] < prompt.visible_from[1]);
  }
}

TEST_CASE("markers in the question decide where pictures stand, and their number must fit") {
  const std::string image = "<Image><tile_global_thumbnail></Image>";
  CHECK(text(build(Variant::kCrossAttention,
                   {"a <image> b <image> c", {grid(1, 1), grid(1, 1)}, std::nullopt}))
            .find("a " + image + " b " + image + " c") != std::string::npos);
  CHECK(text(build(Variant::kCrossAttention, {"q", {grid(1, 1), grid(1, 1)}, std::nullopt}))
            .find(image + "\n" + image + "\nq") != std::string::npos);
  CHECK_THROWS_WITH_AS(build(Variant::kDecoder, {"a <image> b", {}, std::nullopt}),
                       doctest::Contains("has 1 <image> markers but 0 pictures"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      build(Variant::kDecoder, {"a <image> b", {grid(1, 1), grid(1, 1)}, std::nullopt}),
      doctest::Contains("has 1 <image> markers but 2 pictures"), std::invalid_argument);
}

TEST_CASE("a token that looks like a slot in the question is none") {
  const Prompt prompt = build(Variant::kDecoder, {"<|vision_pad|>", {grid(1, 1)}, std::nullopt});
  CHECK(std::count(prompt.is_slot.begin(), prompt.is_slot.end(), true) == kTileTokens);
}

TEST_CASE("batches are padded on the right") {
  const Prompt a = build(Variant::kHybrid, {"what", {grid(2, 1)}, "x"});
  const Prompt b = build(Variant::kHybrid, {"what is written here", {}, std::nullopt});
  const PromptBatch batch = collate({a, b}, /*pad_id=*/5);
  CHECK(batch.size() == 2);
  const int64_t seq = std::max(a.size(), b.size());
  CHECK(batch.ids.sizes() == at::IntArrayRef({2, seq}));
  for (int64_t sample = 0; sample < 2; ++sample) {
    const Prompt& prompt = batch.samples[static_cast<size_t>(sample)];
    const int64_t size = prompt.size();
    CHECK(at::equal(batch.ids[sample].slice(0, 0, size), at::tensor(prompt.ids)));
    CHECK(batch.ids[sample].slice(0, size).eq(5).all().item<bool>());
    CHECK(batch.attention_mask[sample].sum().item<int64_t>() == size);
    CHECK(batch.labels[sample].slice(0, size).eq(kIgnoredLabel).all().item<bool>());
    CHECK(batch.tile[sample].slice(0, size).eq(kNoTile).all().item<bool>());
    CHECK_FALSE(batch.is_slot[sample].slice(0, size).any().item<bool>());
  }
  CHECK(batch.tile_refs().size() == 3);
  CHECK_THROWS_AS(collate({}, 0), std::invalid_argument);
}

TEST_CASE("a builder refuses what cannot work") {
  PromptConfig config{routing(Variant::kHybrid), TileTagKind::k1d, 4, {}};
  config.format.slot = "<|nothing|>";
  CHECK_THROWS_WITH_AS(PromptBuilder(tiny_tokenizer(), config),
                       doctest::Contains("has no token '<|nothing|>'"), std::invalid_argument);
  config.format = prompt_format("chatml");
  CHECK_THROWS_WITH_AS(PromptBuilder(tiny_tokenizer(), config),
                       doctest::Contains("inline tiles only"), std::invalid_argument);
  config.routing = routing(Variant::kDecoder);
  config.tile_tokens = 0;
  CHECK_THROWS_WITH_AS(PromptBuilder(tiny_tokenizer(), config),
                       doctest::Contains("tile_tokens is 0"), std::invalid_argument);
  CHECK_THROWS_AS(prompt_format("vicuna"), std::invalid_argument);
}

}  // namespace
}  // namespace nvlm::fusion
