// Generation against a plain loop without cache, batching, stopping, hooks, and the memory.
#include "decoder/generation.h"

#include <cmath>
#include <limits>

#include "tests/decoder/llama_support.h"
#include "tests/decoder/toy_cross_attention.h"

namespace nvlm::test {
namespace {

using decoder::DecoderInputs;
using decoder::FinishReason;
using decoder::GenerationConfig;

constexpr Tolerance kClose{1e-4, 1e-4};

const std::vector<std::vector<int64_t>> kPrompts = {
    {3, 14, 15, 9, 26, 5}, {35, 8}, {9, 7, 9, 3}, {2}};

GenerationConfig greedy(int64_t max_new_tokens) {
  return {.max_new_tokens = max_new_tokens, .sampling = {}, .eos_token_ids = {}};
}

/// Greedy continuation by full forward passes of one growing prompt.
std::vector<int64_t> plain_greedy(decoder::LlamaForCausalLM& model, std::vector<int64_t> tokens,
                                  int64_t count) {
  const size_t start = tokens.size();
  for (int64_t i = 0; i < count; ++i) {
    const Tensor logits = model(padded_inputs(model, {tokens}, false));
    tokens.push_back(logits[0][-1].argmax().item<int64_t>());
  }
  return {tokens.begin() + static_cast<std::ptrdiff_t>(start), tokens.end()};
}

/// Adds a random memory that each sample's tokens may see in part.
std::shared_ptr<ToyCrossAttention> add_memory(DecoderInputs& inputs) {
  at::manual_seed(1);
  auto blocks = std::make_shared<ToyCrossAttention>(std::vector<int64_t>{0, 2, 3});
  const int64_t batch = inputs.embeddings.size(0), seq = inputs.embeddings.size(1);
  inputs.cross_attention = decoder::CrossAttention{
      blocks, at::randn({batch, 5, inputs.embeddings.size(2)}, inputs.embeddings.options()),
      at::rand({batch, seq, 5}) > 0.4};
  return blocks;
}

}  // namespace

TEST_CASE("a ragged batch, padded on either side, continues like each prompt alone") {
  const at::NoGradGuard no_grad;
  decoder::LlamaForCausalLM model = tiny_llama(11);
  for (const bool left : {false, true}) {
    const auto result =
        generate(model, padded_inputs(model, kPrompts, left, /*extra=*/2), greedy(9));
    for (size_t i = 0; i < kPrompts.size(); ++i) {
      CHECK(result.tokens[i] == plain_greedy(model, kPrompts[i], 9));
      CHECK(result.log_probabilities[i].size() == 9);
      CHECK(result.finish_reasons[i] == FinishReason::kMaxTokens);
    }
  }
}

TEST_CASE("a stop token ends its own sample only") {
  const at::NoGradGuard no_grad;
  decoder::LlamaForCausalLM model = tiny_llama(12);
  const DecoderInputs inputs = padded_inputs(model, kPrompts, true);
  const auto free = generate(model, inputs, greedy(12));
  GenerationConfig config = greedy(12);
  config.eos_token_ids = {free.tokens[0][4], free.tokens[2][1]};
  std::vector<std::vector<int64_t>> streamed(kPrompts.size());
  const auto stopped = generate(model, inputs, config, [&](int64_t sample, int64_t token) {
    streamed[static_cast<size_t>(sample)].push_back(token);
  });
  CHECK(streamed == stopped.tokens);
  bool any_stopped = false;
  for (size_t i = 0; i < kPrompts.size(); ++i) {
    std::vector<int64_t> expected;
    for (const int64_t token : free.tokens[i]) {
      expected.push_back(token);
      if (token == config.eos_token_ids[0] || token == config.eos_token_ids[1]) break;
    }
    CHECK(stopped.tokens[i] == expected);
    const bool cut = expected.size() < 12;
    any_stopped = any_stopped || cut;
    if (cut) CHECK(stopped.finish_reasons[i] == FinishReason::kStopToken);
    for (size_t t = 0; t < expected.size(); ++t) {
      CHECK(stopped.log_probabilities[i][t] ==
            doctest::Approx(free.log_probabilities[i][t]).epsilon(1e-4));
    }
  }
  CHECK(any_stopped);
}

TEST_CASE("log-probabilities are those of the full forward") {
  const at::NoGradGuard no_grad;
  decoder::LlamaForCausalLM model = tiny_llama(13);
  GenerationConfig config = greedy(6);
  config.sampling = {.temperature = 1.3, .top_k = 0, .top_p = 1, .seed = 5};
  const auto result = generate(model, padded_inputs(model, {kPrompts[0]}, false), config);
  std::vector<int64_t> all = kPrompts[0];
  all.insert(all.end(), result.tokens[0].begin(), result.tokens[0].end());
  const Tensor expected = model(padded_inputs(model, {all}, false))[0].log_softmax(-1);
  for (size_t t = 0; t < 6; ++t) {
    const auto before = static_cast<int64_t>(kPrompts[0].size() + t) - 1;
    CHECK(result.log_probabilities[0][t] ==
          doctest::Approx(expected[before][result.tokens[0][t]].item<double>()).epsilon(1e-4));
  }
}

TEST_CASE("sampling repeats with its seed, and neighbours do not change a sample") {
  const at::NoGradGuard no_grad;
  decoder::LlamaForCausalLM model = tiny_llama(14);
  GenerationConfig config = greedy(10);
  config.sampling = {.temperature = 1.0, .top_k = 0, .top_p = 1, .seed = 7};
  const auto first = generate(model, padded_inputs(model, kPrompts, true), config);
  const auto again = generate(model, padded_inputs(model, kPrompts, true), config);
  CHECK(first.tokens == again.tokens);
  const auto alone = generate(model, padded_inputs(model, {kPrompts[0]}, true), config);
  CHECK(alone.tokens[0] == first.tokens[0]);
  // Sample 0 stopping early must not shift what the others draw.
  GenerationConfig stopping = config;
  stopping.eos_token_ids = {first.tokens[0][0]};
  const auto stopped = generate(model, padded_inputs(model, kPrompts, true), stopping);
  CHECK(stopped.tokens[0].size() == 1);
  for (size_t i = 1; i < kPrompts.size(); ++i) {
    const auto& shorter = stopped.tokens[i];
    CHECK(std::equal(shorter.begin(), shorter.end(), first.tokens[i].begin()));
  }
  config.sampling.seed = 8;
  CHECK(generate(model, padded_inputs(model, kPrompts, true), config).tokens != first.tokens);
}

TEST_CASE("a hook steers the choice and knows the samples") {
  const at::NoGradGuard no_grad;
  decoder::LlamaForCausalLM model = tiny_llama(15);
  GenerationConfig config = greedy(5);
  config.eos_token_ids = {30};
  // Sample i must say 20 + i; sample 1 stops at its third token.
  const auto hook = [](int64_t step, const std::vector<int64_t>& samples, Tensor& logits) {
    for (size_t row = 0; row < samples.size(); ++row) {
      const int64_t token = samples[row] == 1 && step == 2 ? 30 : 20 + samples[row];
      const auto index = static_cast<int64_t>(row);
      const double kept = logits[index][token].item<double>();
      logits[index].fill_(-std::numeric_limits<double>::infinity());
      logits[index][token] = kept;
    }
  };
  const auto result = generate(model, padded_inputs(model, kPrompts, true), config, {}, hook);
  CHECK(result.tokens[0] == std::vector<int64_t>(5, 20));
  CHECK(result.tokens[1] == std::vector<int64_t>{21, 21, 30});
  CHECK(result.tokens[3] == std::vector<int64_t>(5, 23));
  CHECK(result.log_probabilities[0][0] == doctest::Approx(0));

  const auto forbid_all = [](int64_t, const std::vector<int64_t>&, Tensor& logits) {
    logits.fill_(-std::numeric_limits<double>::infinity());
  };
  CHECK_THROWS_AS(generate(model, padded_inputs(model, kPrompts, true), config, {}, forbid_all),
                  c10::Error);
}

TEST_CASE("impossible requests are refused, none gives nothing") {
  decoder::LlamaForCausalLM model = tiny_llama(16);
  const DecoderInputs inputs = padded_inputs(model, kPrompts, true);
  CHECK_THROWS_AS(generate(model, inputs, greedy(-1)), std::invalid_argument);
  GenerationConfig config = greedy(3);
  config.sampling.top_p = 0;
  CHECK_THROWS_AS(generate(model, inputs, config), std::invalid_argument);
  DecoderInputs empty = inputs;
  empty.attention_mask = inputs.attention_mask.clone();
  empty.attention_mask[1].fill_(false);
  CHECK_THROWS_AS(generate(model, empty, greedy(3)), c10::Error);
  const auto nothing = generate(model, inputs, greedy(0));
  CHECK(nothing.tokens == std::vector<std::vector<int64_t>>(4));
}

TEST_CASE("a prompt and new tokens beyond the model's positions are refused before any work") {
  const at::NoGradGuard no_grad;
  decoder::LlamaConfig plain = tiny_llama_config();
  plain.max_position_embeddings = 10;
  decoder::LlamaConfig dynamic = plain, learned = plain;
  dynamic.rope_dynamic_factor = 3;
  learned.positions = decoder::PositionKind::kLearned;
  for (const decoder::LlamaConfig& config : {plain, dynamic, learned}) {
    decoder::LlamaForCausalLM model = tiny_llama(19, at::kFloat, config);
    const DecoderInputs six = padded_inputs(model, {kPrompts[0]}, false);
    CHECK(generate(model, six, greedy(5)).tokens[0].size() == 5);  // the last one is not read
    int64_t steps = 0;
    const auto count = [&](int64_t, const std::vector<int64_t>&, Tensor&) { ++steps; };
    const auto refused = [&](const DecoderInputs& prompt, int64_t new_tokens, const char* message) {
      CHECK_THROWS_WITH_AS(generate(model, prompt, greedy(new_tokens), {}, count),
                           doctest::Contains(message), std::invalid_argument);
    };
    refused(six, 6,
            "the prompt has 6 positions and up to 6 new tokens are asked for, but the model has 10 "
            "positions (max_position_embeddings), expected at most 5 new tokens");
    refused(six, std::numeric_limits<int64_t>::max(), "expected at most 5 new tokens");
    refused(padded_inputs(model, {std::vector<int64_t>(11, 3)}, false), 1,
            "the prompt has 11 positions and up to 1 new tokens are asked for, but the model has "
            "10 positions (max_position_embeddings), expected a shorter prompt");
    CHECK(steps == 0);
    // Padding takes no positions.
    const DecoderInputs padded = padded_inputs(model, {kPrompts[1], kPrompts[0]}, true);
    CHECK(generate(model, padded, greedy(5)).tokens[0].size() == 5);
  }
}

TEST_CASE("cross-attention stands before the layers it names and after the last") {
  decoder::LlamaForCausalLM model = tiny_llama(17);
  DecoderInputs inputs = padded_inputs(model, kPrompts, true);
  const Tensor plain = model->hidden_states(inputs);
  const auto blocks = add_memory(inputs);
  const Tensor hidden = model->hidden_states(inputs);
  CHECK(blocks->asked == std::vector<int64_t>{0, 1, 2, 3});
  CHECK(blocks->updates == std::vector<int64_t>{0, 1, 2});
  CHECK_FALSE(compare_tensors(hidden, plain, kClose).close);

  // The same by hand: the blocks around the layers.
  const auto& memory = *inputs.cross_attention;
  const decoder::AttentionContext context{
      .angles =
          decoder::rotary_angles(decoder::rotary_frequencies(model->config()), inputs.position_ids),
      .mask = decoder::causal_mask(inputs.attention_mask, inputs.embeddings.size(1), nullptr,
                                   at::kDouble)};
  Tensor expected = inputs.embeddings;
  const auto run_block = [&](int64_t block) {
    expected = blocks->update(block, expected, blocks->project_memory(block, memory.memory),
                              memory.mask, nullptr);
  };
  const auto run_layer = [&](size_t layer) {
    expected = model->model->layers->at<decoder::LlamaLayerImpl>(layer).forward(expected, context);
  };
  run_block(0);
  run_layer(0);
  run_layer(1);
  run_block(1);
  run_layer(2);
  run_block(2);
  check_close(hidden, model->model->norm(expected), {1e-10, 1e-10});
}

TEST_CASE("the memory is projected once per generation; new tokens see what the last one saw") {
  const at::NoGradGuard no_grad;
  decoder::LlamaForCausalLM model = tiny_llama(18);
  for (const bool left : {false, true}) {
    DecoderInputs inputs = padded_inputs(model, kPrompts, left);
    const auto blocks = add_memory(inputs);
    GenerationConfig config = greedy(7);
    const auto free = generate(model, inputs, config);
    CHECK(blocks->projections == std::map<int64_t, int64_t>{{0, 1}, {1, 1}, {2, 1}});
    config.eos_token_ids = {free.tokens[1][2]};  // samples leave, the memory's rows with them
    const auto result = generate(model, inputs, config);

    for (int64_t i = 0; i < 4; ++i) {
      CAPTURE(i);
      const auto& tokens = result.tokens[static_cast<size_t>(i)];
      // One full forward over prompt and answer, the last prompt row's mask repeated.
      std::vector<int64_t> all = kPrompts[static_cast<size_t>(i)];
      const auto prompt_length = static_cast<int64_t>(all.size());
      all.insert(all.end(), tokens.begin(), tokens.end());
      DecoderInputs full = padded_inputs(model, {all}, false);
      const Tensor given = inputs.cross_attention->mask[i].index(
          {inputs.attention_mask[i]});  // [prompt_length, memory]
      const Tensor repeated = given[-1].expand({static_cast<int64_t>(tokens.size()), -1});
      full.cross_attention =
          decoder::CrossAttention{blocks, inputs.cross_attention->memory.narrow(0, i, 1),
                                  at::cat({given, repeated}).unsqueeze(0)};
      const Tensor best = model(full)[0].argmax(-1);  // [all]
      for (size_t t = 0; t < tokens.size(); ++t) {
        CHECK(best[prompt_length - 1 + static_cast<int64_t>(t)].item<int64_t>() == tokens[t]);
      }
    }
  }
}

TEST_CASE("cached chunks with a memory equal the full forward") {
  const at::NoGradGuard no_grad;
  decoder::LlamaForCausalLM model = tiny_llama(19);
  DecoderInputs inputs = padded_inputs(model, kPrompts, true);
  const auto blocks = add_memory(inputs);
  const Tensor expected = model(inputs);
  decoder::KvCache cache = model->make_cache(4, 6);
  const Tensor first = model(chunk(inputs, 0, 4), &cache);
  DecoderInputs rest = chunk(inputs, 4, 2);
  rest.cross_attention->memory = Tensor();  // the cache has it
  const Tensor second = model(rest, &cache);
  const Tensor shown = inputs.attention_mask.unsqueeze(-1);
  check_close(at::cat({first, second}, 1) * shown, expected * shown, {1e-10, 1e-10});

  decoder::KvCache fresh = model->make_cache(4, 6);
  CHECK_THROWS_AS(model(rest, &fresh), c10::Error);
  CHECK_THROWS_AS(model(rest), c10::Error);
}

}  // namespace nvlm::test
