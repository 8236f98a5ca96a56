// Operation counts that can be checked by hand.
#include <doctest/doctest.h>

#include <stdexcept>

#include "experiments/efficiency/ledger.h"
#include "experiments/efficiency/scoring_speed.h"

namespace nvlm::experiments {

TEST_CASE("efficiency: operations of each part, by hand") {
  decoder::LlamaConfig llama;
  llama.hidden = 4;
  llama.layers = 2;
  llama.heads = 2;
  llama.kv_heads = 1;
  llama.head_dim = 2;
  llama.ffn_hidden = 8;
  llama.vocab = 10;
  // Per token and layer: q and o 4x4 each, k and v 4x2 each, three of 4x8; then scores
  // and values of 3 tokens that see 1, 2 and 3 keys.
  const double layer = 2.0 * 3 * (2 * 16 + 2 * 8 + 3 * 32) + 2.0 * 2 * 4 * (1 + 2 + 3);
  CHECK(model_flops(llama, {.sequence = 3, .logits = 1}).all().forward ==
        doctest::Approx(2 * layer + 2 * 4 * 10));

  vision::VisionConfig vision;
  vision.hidden = 4;
  vision.layers = 1;
  vision.heads = 2;
  vision.ffn_hidden = 8;
  vision.image_size = 4;
  vision.patch_size = 2;  // 4 patches of 12 numbers, 5 tokens with the class token
  const double tile = 2.0 * 4 * 12 * 4 + 2.0 * 5 * (4 * 16 + 2 * 32) + 2 * 2.0 * 5 * 4 * 5;
  fusion::MultimodalConfig config;
  config.vision = vision;
  config.preprocessor.tiling.tile_size = 4;  // one token a tile
  config.decoder = llama;
  config.fusion.variant = fusion::Variant::kCrossAttention;
  config.fusion.projector = {.input = 16, .output = 4};
  config.fusion.cross_attention.attention = {.hidden = 4, .heads = 2, .kv_heads = 1, .head_dim = 2};
  config.fusion.cross_attention.ffn_hidden = 8;
  config.fusion.depths = {1};
  BatchShape shape{.sequence = 3,
                   .encoded = 3,
                   .projected = 5,
                   .memory = 7,
                   .new_memory = 7,
                   .memory_tiles = 5,
                   .logits = 1};
  CHECK(model_flops(config, shape).encoder.forward == doctest::Approx(3 * tile));
  CHECK(model_flops(config, shape).projector.forward == doctest::Approx(2.0 * 5 * 64));
  config.fusion.projector.hidden = 3;
  CHECK(model_flops(config, shape).projector.forward == doctest::Approx(2.0 * 5 * (48 + 12)));
  // 3 tokens: q and o; 7 of the memory: k and v; scores and values; feed-forward.
  const double block = 2.0 * 3 * 2 * 16 + 2.0 * 7 * 2 * 8 + 2 * 2.0 * 3 * 4 * 7 + 2.0 * 3 * 3 * 32;
  CHECK(model_flops(config, shape).cross_attention.forward == doctest::Approx(block));
  config.fusion.block = fusion::BlockKind::kFlamingo;  // two matrices, keys for every head
  CHECK(model_flops(config, shape).cross_attention.forward ==
        doctest::Approx(block + 2.0 * 7 * 2 * 8 - 2.0 * 3 * 32));
  shape.new_memory = 0;  // projected before
  config.fusion.block = fusion::BlockKind::kLlama;
  CHECK(model_flops(config, shape).cross_attention.forward ==
        doctest::Approx(block - 2.0 * 7 * 2 * 8));
  // Keys and values: 2 layers of 2 numbers each; one block alike.
  CHECK(cache_bytes(config, 10, 7, 2).sequence == 2 * 2 * 2 * 10 * 2);
  CHECK(cache_bytes(config, 10, 7, 2).memory == 2 * 2 * 7 * 2);
}

TEST_CASE("efficiency: scoring speed measures what it says") {
  const ScoringSpeed speed = measure_scoring(4, 3, 1);
  CHECK(speed.rows == 4);
  CHECK(speed.teds_seconds > 0.0);
  CHECK(speed.table_seconds > 0.0);
  CHECK_THROWS_AS(measure_scoring(1, 3, 1), std::invalid_argument);
  CHECK_THROWS_AS(measure_scoring(4, 3, 0), std::invalid_argument);
}

}  // namespace nvlm::experiments
