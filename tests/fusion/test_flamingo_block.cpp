// Flamingo's block and its masks: hand-computed cases, properties, and its place in a stack.
#include "decoder/attention_probe.h"
#include "fusion/flamingo_block.h"
#include "fusion/gated_cross_attention_stack.h"
#include "fusion/media_mask.h"
#include "tests/support/tensors.h"

namespace nvlm::fusion {
namespace {

using test::check_close;

FlamingoBlockConfig small_config(BlindRows blind_rows) {
  FlamingoBlockConfig config;
  config.hidden = 6;
  config.memory_hidden = 5;
  config.heads = 2;
  config.head_dim = 3;
  config.ffn_hidden = 7;
  config.gate_init = 0.6;
  config.blind_rows = blind_rows;
  return config;
}

Tensor picture_places(std::vector<int64_t> places) {
  return at::tensor(places, at::kLong).unsqueeze(0).to(at::kBool);
}

/// The mask of one sample as rows of 0 and 1.
std::vector<int64_t> rows(const Tensor& mask) {
  const Tensor flat = mask.to(at::kLong).flatten().contiguous();
  return {flat.const_data_ptr<int64_t>(), flat.const_data_ptr<int64_t>() + flat.numel()};
}

TEST_CASE("media masks: the last picture before, all before, the last of all") {
  const Tensor places = picture_places({0, 1, 0, 1});  // two pictures; room for three
  CHECK(rows(media_mask(places, 3, 1, MediaRule::kLastBefore)) ==
        std::vector<int64_t>{0, 0, 0, /**/ 1, 0, 0, /**/ 1, 0, 0, /**/ 0, 1, 0});
  CHECK(rows(media_mask(places, 3, 1, MediaRule::kAllBefore)) ==
        std::vector<int64_t>{0, 0, 0, /**/ 1, 0, 0, /**/ 1, 0, 0, /**/ 1, 1, 0});
  CHECK(rows(media_mask(places, 3, 1, MediaRule::kLastOfAll)) ==
        std::vector<int64_t>{0, 1, 0, /**/ 0, 1, 0, /**/ 0, 1, 0, /**/ 0, 1, 0});
  CHECK(rows(media_mask(picture_places({1, 0}), 2, 2, MediaRule::kLastBefore)) ==
        std::vector<int64_t>{1, 1, 0, 0, /**/ 1, 1, 0, 0});  // two tokens a picture
  CHECK_FALSE(media_mask(picture_places({0, 0}), 2, 2, MediaRule::kLastOfAll).any().item<bool>());
  CHECK_THROWS_WITH_AS(media_mask(places, 1, 4, MediaRule::kAllBefore),
                       doctest::Contains("sample 0 has 2 picture tokens, but the memory has 1"),
                       c10::Error);
}

TEST_CASE("a row that sees nothing: untouched, fed forward, or attending evenly") {
  at::manual_seed(4);
  const Tensor hidden = at::randn({1, 3, 6}), memory = at::randn({1, 4, 5});
  Tensor mask = at::ones({1, 3, 4}, at::kBool);
  mask[0][1].fill_(false);
  const auto out = [&](BlindRows blind_rows) {
    at::manual_seed(5);  // the same weights
    FlamingoBlock block(small_config(blind_rows));
    const auto projected = block->project_memory(memory);
    const Tensor seen = block->probabilities(hidden, projected, mask);
    const bool evenly = blind_rows == BlindRows::kAttendEvenly;
    check_close(seen.select(2, 1), at::full({1, 2, 4}, evenly ? 0.25 : 0.0));
    check_close(seen.select(2, 0).sum(-1), at::ones({1, 2}));
    return block(hidden, projected, mask);
  };
  const Tensor untouched = out(BlindRows::kUntouched), fed = out(BlindRows::kFeedForwardOnly),
               evenly = out(BlindRows::kAttendEvenly);
  CHECK(at::equal(untouched[0][1], hidden[0][1]));
  CHECK_FALSE(at::allclose(fed[0][1], hidden[0][1]));
  CHECK_FALSE(at::allclose(evenly[0][1], fed[0][1]));
  for (const int64_t row : {0, 2}) {  // rows that see something do not depend on the rule
    CHECK(at::equal(untouched[0][row], fed[0][row]));
    CHECK(at::equal(untouched[0][row], evenly[0][row]));
  }
}

TEST_CASE("permuting a Flamingo block's memory together with its mask changes nothing") {
  at::manual_seed(6);
  FlamingoBlock block(small_config(BlindRows::kUntouched));
  const Tensor hidden = at::randn({2, 4, 6}), memory = at::randn({2, 5, 5});
  const Tensor mask = at::rand({2, 4, 5}) > 0.5, order = at::randperm(5, at::kLong);
  const Tensor straight = block(hidden, block->project_memory(memory), mask);
  check_close(block(hidden, block->project_memory(memory.index_select(1, order)),
                    mask.index_select(2, order)),
              straight);
}

TEST_CASE("a Flamingo block with closed gates is the identity, and shapes are checked") {
  FlamingoBlockConfig config = small_config(BlindRows::kAttendEvenly);
  config.gate_init = 0;
  FlamingoBlock block(config);
  const Tensor hidden = at::randn({1, 3, 6}), memory = at::randn({1, 4, 5});
  const Tensor mask = at::ones({1, 3, 4}, at::kBool);
  const auto projected = block->project_memory(memory);
  CHECK(at::equal(block(hidden, projected, mask), hidden));
  CHECK_THROWS_WITH_AS(block(hidden, projected, mask.narrow(2, 0, 3)),
                       doctest::Contains("mask is [1, 3, 3], expected [1, *, 4]"), c10::Error);
  CHECK_THROWS_WITH_AS(block->project_memory(hidden),
                       doctest::Contains("memory is [1, 3, 6], expected [*, *, 5]"), c10::Error);
}

TEST_CASE("Flamingo blocks stand in a stack and show what they attend to") {
  at::manual_seed(7);
  GatedCrossAttentionStack stack(small_config(BlindRows::kUntouched), std::vector<int64_t>{1, 3});
  CHECK(stack->num_blocks() == 2);
  CHECK(stack->block_at(3) == 1);
  CHECK(stack->named_parameters().contains("1.attn.to_kv.weight"));
  CHECK(stack->named_parameters().contains("0.ff.3.weight"));
  const Tensor hidden = at::randn({1, 3, 6}), memory = at::randn({1, 4, 5});
  const Tensor mask = at::ones({1, 3, 4}, at::kBool);
  decoder::AttentionProbe probe;
  probe.cross_blocks = {1};
  const auto projected = stack->project_memory(1, memory);
  const Tensor updated = stack->update(1, hidden, projected, mask, &probe);
  CHECK_FALSE(at::allclose(updated, hidden));
  CHECK(probe.cross_probabilities.at(1).sizes() == at::IntArrayRef({1, 2, 3, 4}));
}

}  // namespace
}  // namespace nvlm::fusion
