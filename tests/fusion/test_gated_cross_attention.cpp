#include <limits>

#include "common/load_weights.h"
#include "common/safetensors.h"
#include "fusion/gated_cross_attention_stack.h"
#include "tests/support/golden.h"
#include "tests/support/tensors.h"

namespace nvlm::fusion {
namespace {

using test::check_close;

constexpr Tolerance kGolden = {5e-5, 1e-4};     // the case's own
constexpr Tolerance kGradients = {2e-4, 1e-4};  // likewise

struct GoldenBlock {
  explicit GoldenBlock(bool feed_forward_without_memory) {
    GatedCrossAttentionConfig config;
    config.attention = {/*hidden=*/54, /*heads=*/6, /*kv_heads=*/2, /*head_dim=*/11};
    config.ffn_hidden = 89;
    config.feed_forward_without_memory = feed_forward_without_memory;
    block = GatedCrossAttention(config);
    const auto folder = test::golden("09b_gated_xattn_llama");
    load_weights(*block, WeightStore::open(folder));
    const auto inputs = SafetensorsFile::open(folder / "inputs.safetensors");
    x = inputs.tensor("x").clone().requires_grad_();
    vision = inputs.tensor("vision").clone().requires_grad_();
    upstream = inputs.tensor("upstream_gradient");
    memory = vision.flatten(1, 2);                                                    // [2, 36, 54]
    mask = inputs.tensor("tile_mask").to(at::kBool).repeat_interleave(9, /*dim=*/2);  // [2, 23, 36]
  }
  Tensor forward() { return block(x, block->project_memory(memory), mask); }

  GatedCrossAttention block{nullptr};
  Tensor x, vision, upstream, memory, mask;
  SafetensorsFile expected =
      SafetensorsFile::open(test::golden("09b_gated_xattn_llama") / "expected.safetensors");
};

TEST_CASE("parity: the block with a feed-forward on every row, and its gradients") {
  GoldenBlock golden(/*feed_forward_without_memory=*/true);
  const Tensor out = golden.forward();
  check_close(out, golden.expected.tensor("out"), kGolden);

  (out * golden.upstream).sum().backward();
  check_close(golden.x.grad(), golden.expected.tensor("grad.x"), kGradients);
  check_close(golden.vision.grad(), golden.expected.tensor("grad.vision"), kGradients);
  for (const auto& weight : golden.block->named_parameters()) {
    CAPTURE(weight.key());
    check_close(weight.value().grad(), golden.expected.tensor("grad." + weight.key()), kGradients);
  }
}

TEST_CASE("parity: the block that leaves rows without memory alone") {
  GoldenBlock golden(/*feed_forward_without_memory=*/false);
  check_close(golden.forward(), golden.expected.tensor("out_mlp_skipped_on_rows_without_tile"),
              kGolden);
}

TEST_CASE("parity: attention probabilities, of all heads or of the first ones") {
  GoldenBlock golden(false);
  const auto memory = golden.block->project_memory(golden.memory);
  const Tensor expected = golden.expected.tensor("attn_probs");
  check_close(golden.block->probabilities(golden.x, memory, golden.mask), expected, kGolden);
  check_close(golden.block->probabilities(golden.x, memory, golden.mask, 3),
              expected.narrow(1, 0, 3), kGolden);
}

TEST_CASE("a row that sees nothing keeps its value and gives no gradient to the block") {
  GoldenBlock golden(false);
  golden.mask = at::zeros_like(golden.mask);
  const Tensor out = golden.forward();
  CHECK(at::equal(out, golden.x));
  (out * golden.upstream).sum().backward();
  CHECK(at::equal(golden.x.grad(), golden.upstream));
  for (const auto& weight : golden.block->named_parameters()) {
    CAPTURE(weight.key());
    CHECK(weight.value().grad().abs().max().item<float>() == 0.0f);
  }
}

TEST_CASE("with closed gates the block is the identity and only the gates get a gradient") {
  GoldenBlock golden(false);
  {
    const at::NoGradGuard no_grad;
    for (auto& weight : golden.block->named_parameters()) {
      if (weight.key().ends_with("_gate")) weight.value().zero_();
    }
  }
  const Tensor out = golden.forward();
  CHECK(at::equal(out, golden.x));
  (out * golden.upstream).sum().backward();
  for (const auto& weight : golden.block->named_parameters()) {
    CAPTURE(weight.key());
    CHECK((weight.value().grad().abs().max().item<float>() > 0) == weight.key().ends_with("_gate"));
  }
}

TEST_CASE("shapes that disagree are named") {
  GoldenBlock golden(false);
  const auto memory = golden.block->project_memory(golden.memory);
  CHECK_THROWS_WITH_AS(golden.block->forward(golden.x, memory, golden.mask.narrow(2, 0, 30)),
                       doctest::Contains("mask is [2, 23, 30], expected [2, *, 36]"), c10::Error);
  CHECK_THROWS_WITH_AS(golden.block->project_memory(golden.memory.narrow(2, 0, 50)),
                       doctest::Contains("memory is [2, 36, 50], expected [*, *, 54]"), c10::Error);
}

TEST_CASE("the stack knows which block stands where") {
  CHECK(evenly_spaced_depths(60, 6).size() == 10);  // NVLM-X 34B
  CHECK(evenly_spaced_depths(80, 8).size() == 10);  // NVLM-X 72B
  CHECK(evenly_spaced_depths(5, 2) == std::vector<int64_t>{2, 4});
  CHECK_THROWS_WITH_AS(evenly_spaced_depths(4, 5), doctest::Contains("expected 1 to 4"),
                       std::invalid_argument);

  GatedCrossAttentionConfig config;
  config.attention = {4, 1, 1, 4};
  config.ffn_hidden = 4;
  GatedCrossAttentionStack stack(config, std::vector<int64_t>{0, 2, 4});
  CHECK(stack->num_blocks() == 3);
  CHECK(stack->block_at(0) == 0);
  CHECK(stack->block_at(1) == std::nullopt);
  CHECK(stack->block_at(4) == 2);
  CHECK(stack->block_at(5) == std::nullopt);
  CHECK(stack->named_parameters().contains("2.cross_attn.k_proj.weight"));
  CHECK_THROWS_WITH_AS(GatedCrossAttentionStack(config, std::vector<int64_t>{2, 2}),
                       doctest::Contains("depth 1 is 2, expected 3 or more"),
                       std::invalid_argument);
}

TEST_CASE("a probe sees what it asked for and changes nothing") {
  GatedCrossAttentionConfig config;
  config.attention = {8, 4, 2, 6};
  config.ffn_hidden = 8;
  config.gate_init = 0.7;
  GatedCrossAttentionStack stack(config, std::vector<int64_t>{0, 1});
  const Tensor hidden = at::randn({2, 5, 8}), memory = at::randn({2, 7, 8});
  const Tensor mask = at::rand({2, 5, 7}) > 0.5;
  decoder::AttentionProbe probe;
  probe.cross_blocks = {1};
  probe.heads = 2;
  for (int64_t block = 0; block < 2; ++block) {
    const auto projected = stack->project_memory(block, memory);
    CHECK(at::equal(stack->update(block, hidden, projected, mask, &probe),
                    stack->update(block, hidden, projected, mask, nullptr)));
  }
  REQUIRE(probe.cross_probabilities.size() == 1);
  const Tensor seen = probe.cross_probabilities.at(1);
  CHECK(seen.sizes() == at::IntArrayRef({2, 2, 5, 7}));
  check_close(seen.sum(-1), mask.any(-1).unsqueeze(1).expand({2, 2, 5}).to(at::kFloat));
  CHECK(seen.requires_grad());
}

}  // namespace
}  // namespace nvlm::fusion
