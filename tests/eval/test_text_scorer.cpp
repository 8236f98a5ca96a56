#include <ATen/Functions.h>
#include <doctest/doctest.h>

#include <stdexcept>
#include <vector>

#include "common/random.h"
#include "eval/readers/text_scorer.h"

namespace nvlm::eval {
namespace {

decoder::LlamaForCausalLM tiny_decoder() {
  at::manual_seed(3);
  decoder::LlamaConfig config;
  config.vocab = 17;
  config.hidden = 16;
  config.ffn_hidden = 24;
  config.layers = 2;
  config.heads = 2;
  config.kv_heads = 1;
  config.head_dim = 8;
  return decoder::LlamaForCausalLM(config);
}

}  // namespace

TEST_CASE("token log-probabilities: a whole text equals the softmax of one pass") {
  decoder::LlamaForCausalLM model = tiny_decoder();
  const std::vector<int64_t> tokens{3, 1, 4, 1, 5, 9, 2, 6};
  const std::vector<double> values = token_log_probabilities(model, tokens, 8);
  REQUIRE(values.size() == 7);
  const Tensor input = at::tensor(tokens, at::kLong).unsqueeze(0);
  const Tensor expected =
      model->forward(model->text_inputs(input, at::ones_like(input, at::kBool))).log_softmax(-1);
  for (size_t i = 0; i < values.size(); ++i) {
    CHECK(values[i] ==
          doctest::Approx(expected[0][static_cast<int64_t>(i)][tokens[i + 1]].item<double>())
              .epsilon(1e-5));
  }
}

TEST_CASE("token log-probabilities: windows overlap by half and score every token once") {
  decoder::LlamaForCausalLM model = tiny_decoder();
  Random random(5);
  std::vector<int64_t> tokens(23);
  for (int64_t& token : tokens) token = random.integer(0, 16);
  const std::vector<double> values = token_log_probabilities(model, tokens, 8);
  REQUIRE(values.size() == 22);
  // Token 10 is scored in the window of tokens 4 to 11.
  const std::vector<double> window = token_log_probabilities(
      model, std::vector<int64_t>(tokens.begin() + 4, tokens.begin() + 12), 8);
  CHECK(values[9] == doctest::Approx(window[5]).epsilon(1e-5));
  for (const double value : values) CHECK(value <= 0.0);
  CHECK_THROWS_AS(token_log_probabilities(model, std::vector<int64_t>{1}, 8),
                  std::invalid_argument);
  CHECK_THROWS_AS(token_log_probabilities(model, tokens, 1), std::invalid_argument);
}

}  // namespace nvlm::eval
