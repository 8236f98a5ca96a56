// Learned positions tell tiles of the memory apart; inline tiles have the sequence's own.
#include "fusion/routed_fusion.h"
#include "tests/fusion/tiny_lab.h"

namespace nvlm::fusion {
namespace {

using namespace nvlm::test;

constexpr int64_t kWidth = 8, kTokensPerTile = 3, kFeatureWidth = 4;

FusionConfig positions_config(Variant variant, int64_t num_tile_positions) {
  FusionConfig config;
  config.variant = variant;
  config.projector = {kFeatureWidth, 0, kWidth, true};
  config.cross_attention.attention = {kWidth, 2, 1, 4};
  config.cross_attention.ffn_hidden = 8;
  config.depths = {1};
  config.num_tile_positions = num_tile_positions;
  return config;
}

/// The memory of one picture of two tiles and a thumbnail whose features are all alike.
Tensor memory_of_alike_tiles(Variant variant, int64_t num_tile_positions) {
  at::manual_seed(3);
  RoutedFusion fusion(positions_config(variant, num_tile_positions));
  const PromptBuilder builder(tiny_tokenizer(),
                              {routing(variant), TileTagKind::kNone, kTokensPerTile, {}});
  const PromptBatch prompts = collate({builder.build("q", {grid(2, 1)})}, 0);
  at::manual_seed(4);  // the same features, however many weights were drawn
  const Tensor tile = at::randn({1, kTokensPerTile, kFeatureWidth});
  const vision::TileFeatures features{
      tile.expand({static_cast<int64_t>(prompts.tile_refs().size()), -1, -1}), prompts.tile_refs()};
  const auto inputs = fusion.forward(prompts, features, [](const Tensor& ids) {
    return at::zeros({ids.size(0), ids.size(1), kWidth});
  });
  return inputs.cross_attention->memory.view({-1, kTokensPerTile, kWidth});
}

TEST_CASE("tiles of the memory are told apart by their positions, and only by them") {
  for (const Variant variant : {Variant::kCrossAttention, Variant::kHybrid}) {
    CAPTURE(name(variant));
    const Tensor without = memory_of_alike_tiles(variant, 0);
    CHECK(at::equal(without[0], without[1]));
    const Tensor with = memory_of_alike_tiles(variant, 4);
    CHECK_FALSE(at::allclose(with[0], with[1]));
    // One vector per tile: what is added does not depend on the token.
    CHECK(at::allclose((with - without).select(1, 0), (with - without).select(1, 2), 1e-4, 1e-6));
  }
}

TEST_CASE("the thumbnail has a position of its own") {
  const Tensor memory = memory_of_alike_tiles(Variant::kCrossAttention, 4);
  CHECK_FALSE(at::allclose(memory[0], memory[2]));
  CHECK_FALSE(at::allclose(memory[1], memory[2]));
}

TEST_CASE("pictures with more tiles than positions are refused") {
  CHECK_THROWS_WITH_AS(memory_of_alike_tiles(Variant::kCrossAttention, 1),
                       doctest::Contains("tile 2 of a picture, but the model has positions for 1"),
                       c10::Error);
}

}  // namespace
}  // namespace nvlm::fusion
