// Operation counts that can be checked by hand.
#include <doctest/doctest.h>

#include <stdexcept>

#include "experiments/efficiency/matmul_flops.h"
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
  // Per token and layer: q and o 4x4 each, k and v 4x2 each, three of 4x8; then 3 tokens: scores
  // and values are 2 * (3x4x3), half of it causal.
  const double layer = 2.0 * 3 * (2 * 16 + 2 * 8 + 3 * 32) + 2.0 * 3 * 4 * 3;
  CHECK(prefill_flops(llama, 3) == doctest::Approx(2 * layer + 2 * 4 * 10));

  vision::VisionConfig vision;
  vision.hidden = 4;
  vision.layers = 1;
  vision.heads = 2;
  vision.ffn_hidden = 8;
  vision.image_size = 4;
  vision.patch_size = 2;  // 4 patches of 12 numbers, 5 tokens with the class token
  const double tile = 2.0 * 4 * 12 * 4 + 2.0 * 5 * (4 * 16 + 2 * 32) + 2 * 2.0 * 5 * 4 * 5;
  CHECK(encode_flops(vision, 3) == doctest::Approx(3 * tile));

  fusion::ProjectorConfig projector;
  projector.input = 6;
  projector.output = 4;
  CHECK(projector_flops(projector, 5) == doctest::Approx(2.0 * 5 * 24));
  projector.hidden = 3;
  CHECK(projector_flops(projector, 5) == doctest::Approx(2.0 * 5 * (18 + 12)));

  fusion::FusionConfig blocks;
  blocks.cross_attention.attention = {.hidden = 4, .heads = 2, .kv_heads = 1, .head_dim = 2};
  blocks.cross_attention.ffn_hidden = 8;
  // 3 tokens: q and o; 7 of the memory: k and v; scores and values; feed-forward.
  const double expected =
      2.0 * 3 * 2 * 16 + 2.0 * 7 * 2 * 8 + 2 * 2.0 * 3 * 4 * 7 + 2.0 * 3 * 3 * 32;
  CHECK(cross_attention_flops(blocks, 3, 7) == doctest::Approx(expected));
  blocks.block = fusion::BlockKind::kFlamingo;  // two matrices in its feed-forward
  blocks.cross_attention.attention.kv_heads = 2;
  CHECK(cross_attention_flops(blocks, 3, 7) ==
        doctest::Approx(expected + 2.0 * 7 * 2 * 8 - 2.0 * 3 * 32));
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
