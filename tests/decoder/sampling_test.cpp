// Properties of the choice of one token.
#include "decoder/sampling.h"

#include <limits>
#include <set>

#include "tests/support/tensors.h"

namespace nvlm::test {
namespace {

using decoder::sample;
using decoder::SamplingConfig;

/// Draws from one row of logits `count` times; how often each token came.
std::vector<int64_t> draw_counts(const Tensor& logits, const SamplingConfig& config,
                                 int64_t count) {
  auto streams = decoder::sampling_streams(config, count);
  const Tensor tokens = sample(logits.unsqueeze(0).expand({count, -1}), config, streams);
  std::vector<int64_t> counts(static_cast<size_t>(logits.size(0)));
  for (int64_t i = 0; i < count; ++i) ++counts[static_cast<size_t>(tokens[i].item<int64_t>())];
  return counts;
}

const Tensor& row_logits() {  // probabilities 0.1 0.4 0.05 0.3 0.15
  static const Tensor logits = at::tensor({0.1, 0.4, 0.05, 0.3, 0.15}).log();
  return logits;
}

}  // namespace

TEST_CASE("temperature 0 and top_k 1 are greedy") {
  at::manual_seed(0);
  const Tensor logits = at::randn({50, 30});
  const Tensor best = logits.argmax(-1);
  SamplingConfig config;
  std::vector<Random> none;
  CHECK(at::equal(sample(logits, config, none), best));
  config = {.temperature = 2, .top_k = 1, .top_p = 1, .seed = 3};
  auto streams = decoder::sampling_streams(config, 50);
  CHECK(at::equal(sample(logits, config, streams), best));
  config = {.temperature = 1, .top_k = 0, .top_p = 1e-9, .seed = 3};  // never nothing
  CHECK(at::equal(sample(logits, config, streams), best));
  config = {.temperature = 1e-300, .top_k = 0, .top_p = 1, .seed = 3};
  CHECK(at::equal(sample(logits, config, streams), best));
  CHECK(at::equal(sample(logits.to(at::kBFloat16), config, streams),
                  logits.to(at::kBFloat16).argmax(-1)));
}

TEST_CASE("tokens come as often as their probabilities say") {
  const auto counts =
      draw_counts(row_logits(), {.temperature = 1, .top_k = 0, .top_p = 1, .seed = 1}, 20000);
  const std::vector<double> expected = {0.1, 0.4, 0.05, 0.3, 0.15};
  for (size_t i = 0; i < 5; ++i) {
    CHECK(static_cast<double>(counts[i]) / 20000 == doctest::Approx(expected[i]).epsilon(0.1));
  }
  // Temperature 0.5 squares the odds.
  const auto cold =
      draw_counts(row_logits(), {.temperature = 0.5, .top_k = 0, .top_p = 1, .seed = 1}, 20000);
  CHECK(static_cast<double>(cold[1]) / static_cast<double>(cold[3]) ==
        doctest::Approx(16.0 / 9).epsilon(0.1));
}

TEST_CASE("top_k and top_p keep the likeliest tokens, and their ratios") {
  const auto two =
      draw_counts(row_logits(), {.temperature = 1, .top_k = 2, .top_p = 1, .seed = 2}, 10000);
  CHECK(two[1] + two[3] == 10000);
  CHECK(static_cast<double>(two[1]) / 10000 == doctest::Approx(0.4 / 0.7).epsilon(0.05));

  // 0.4 + 0.3 reach 0.65, so 0.15 is not needed; 0.4 alone does not.
  const auto nucleus =
      draw_counts(row_logits(), {.temperature = 1, .top_k = 0, .top_p = 0.65, .seed = 2}, 10000);
  CHECK(nucleus[1] + nucleus[3] == 10000);
  CHECK(nucleus[3] > 0);
  // Of the best three, 0.4 / 0.85 = 0.47 does not reach 0.5, 0.7 / 0.85 does.
  const auto both =
      draw_counts(row_logits(), {.temperature = 1, .top_k = 3, .top_p = 0.5, .seed = 2}, 10000);
  CHECK(both[1] + both[3] == 10000);
  // More than there are: all.
  const auto all =
      draw_counts(row_logits(), {.temperature = 1, .top_k = 99, .top_p = 1, .seed = 2}, 10000);
  CHECK(all[2] > 0);
}

TEST_CASE("a forbidden token never comes") {
  Tensor logits = row_logits().clone();
  logits[1] = -std::numeric_limits<double>::infinity();
  const auto counts =
      draw_counts(logits, {.temperature = 3, .top_k = 0, .top_p = 1, .seed = 4}, 5000);
  CHECK(counts[1] == 0);
}

TEST_CASE("a seed gives the same tokens, and rows draw apart") {
  const SamplingConfig config{.temperature = 1, .top_k = 0, .top_p = 1, .seed = 9};
  at::manual_seed(5);
  const Tensor logits = at::randn({6, 100});
  auto first = decoder::sampling_streams(config, 6), second = decoder::sampling_streams(config, 6);
  const Tensor tokens = sample(logits, config, first);
  CHECK(at::equal(sample(logits, config, second), tokens));
  CHECK_FALSE(at::equal(sample(logits, config, second), tokens));  // streams went on
  std::vector<Random> third_only = {decoder::sampling_streams(config, 6)[3]};
  CHECK(sample(logits.narrow(0, 3, 1), config, third_only)[0].item<int64_t>() ==
        tokens[3].item<int64_t>());
}

TEST_CASE("sampling refuses what makes no sense") {
  auto streams = decoder::sampling_streams({}, 1);
  const Tensor logits = at::zeros({1, 5});
  CHECK_THROWS_AS(sample(logits, {.temperature = -1, .top_k = 0, .top_p = 1, .seed = 0}, streams),
                  std::invalid_argument);
  CHECK_THROWS_AS(sample(logits, {.temperature = 1, .top_k = -1, .top_p = 1, .seed = 0}, streams),
                  std::invalid_argument);
  CHECK_THROWS_AS(sample(logits, {.temperature = 1, .top_k = 0, .top_p = 1.5, .seed = 0}, streams),
                  std::invalid_argument);
  CHECK_THROWS_AS(
      sample(at::zeros({2, 5}), {.temperature = 1, .top_k = 0, .top_p = 1, .seed = 0}, streams),
      c10::Error);
}

}  // namespace nvlm::test
