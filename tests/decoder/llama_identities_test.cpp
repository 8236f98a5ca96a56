// What must hold for any weights: caching, padding, neighbours, precision, probes.
#include <ATen/autocast_mode.h>

#include "tests/decoder/llama_support.h"

namespace nvlm::test {
namespace {

using decoder::DecoderInputs;

constexpr Tolerance kSame{1e-10, 1e-10};  // in double

std::vector<int64_t> random_prompt(Random& random, int64_t length) {
  std::vector<int64_t> prompt;
  for (int64_t i = 0; i < length; ++i) prompt.push_back(random.integer(0, 36));
  return prompt;
}

/// Logits [real tokens, vocab] of one sample.
Tensor real_rows(const Tensor& logits, const DecoderInputs& inputs, int64_t sample) {
  return logits[sample].index({inputs.attention_mask[sample]});
}

}  // namespace

TEST_CASE("decoding in chunks with a cache equals one full forward") {
  const at::NoGradGuard no_grad;
  for (uint64_t seed = 0; seed < 12; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    decoder::LlamaForCausalLM model = tiny_llama(seed);
    const int64_t seq = random.integer(2, 14);
    std::vector<std::vector<int64_t>> prompts;
    for (int64_t i = 0; i < 3; ++i) {
      prompts.push_back(random_prompt(random, random.integer(1, seq)));
    }
    prompts[0].resize(static_cast<size_t>(seq), 1);
    DecoderInputs inputs = padded_inputs(model, prompts, random.chance(0.5));
    if (random.chance(0.3)) inputs.attention_mask = at::ones_like(inputs.attention_mask);
    const Tensor expected = model(inputs);

    decoder::KvCache cache = model->make_cache(3, seq);
    std::vector<Tensor> chunks;
    for (int64_t start = 0; start < seq;) {
      const int64_t count = std::min(seq - start, random.integer(1, 5));
      chunks.push_back(model(chunk(inputs, start, count), &cache));
      start += count;
    }
    CHECK(cache.length() == seq);
    const Tensor actual = at::cat(chunks, 1);
    CHECK(actual.isfinite().all().item<bool>());
    for (int64_t i = 0; i < 3; ++i) {
      check_close(real_rows(actual, inputs, i), real_rows(expected, inputs, i), kSame);
    }
  }
}

TEST_CASE("padding and the other samples of a batch change nothing") {
  for (uint64_t seed = 0; seed < 8; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    decoder::LlamaForCausalLM model = tiny_llama(seed);
    std::vector<std::vector<int64_t>> prompts;
    for (int64_t i = 0; i < 4; ++i) {
      prompts.push_back(random_prompt(random, random.integer(1, 9)));
    }
    const bool left = random.chance(0.5);
    const DecoderInputs together =
        padded_inputs(model, prompts, left, /*extra=*/random.integer(0, 3));
    const Tensor logits = model(together);
    CHECK(logits.isfinite().all().item<bool>());
    for (int64_t i = 0; i < 4; ++i) {
      const DecoderInputs alone = padded_inputs(model, {prompts[static_cast<size_t>(i)]}, left);
      check_close(real_rows(logits, together, i), model(alone)[0], kSame);
    }
  }
}

TEST_CASE("a fully padded sample gives numbers and gradients, never NaN") {
  decoder::LlamaForCausalLM model = tiny_llama(3);
  Random random(3);
  const Tensor ids = random_ids(random, 3, 6);
  Tensor mask = all_real(ids);
  mask[1].fill_(false);
  mask[2].narrow(0, 0, 3).fill_(false);
  const Tensor logits = model(model->text_inputs(ids, mask));
  CHECK(logits.isfinite().all().item<bool>());
  logits.sum().backward();
  for (const Tensor& parameter : model->parameters()) {
    CHECK(parameter.grad().isfinite().all().item<bool>());
  }
  decoder::KvCache cache = model->make_cache(3, 8);
  const at::NoGradGuard no_grad;
  const DecoderInputs inputs = model->text_inputs(ids, mask);
  CHECK(model(chunk(inputs, 0, 4), &cache).isfinite().all().item<bool>());
  CHECK(model(chunk(inputs, 4, 1), &cache).isfinite().all().item<bool>());
}

TEST_CASE("later tokens and absolute positions do not matter") {
  decoder::LlamaForCausalLM model = tiny_llama(4);
  Random random(4);
  const Tensor ids = random_ids(random, 2, 9);
  const DecoderInputs inputs = model->text_inputs(ids, all_real(ids));
  const Tensor logits = model(inputs);
  check_close(model(chunk(inputs, 0, 5)), logits.narrow(1, 0, 5), kSame);
  DecoderInputs moved = inputs;
  moved.position_ids = inputs.position_ids + 17;
  check_close(model(moved), logits, {1e-5, 1e-5});  // angles are float32
  moved.attention_mask = Tensor();
  check_close(model(moved), logits, {1e-5, 1e-5});
}

TEST_CASE("a probe sees rows that sum to one and does not disturb") {
  const decoder::LlamaConfig config = tiny_llama_config();
  decoder::LlamaForCausalLM model = tiny_llama(5);
  Random random(5);
  for (const bool left : {false, true}) {
    const DecoderInputs inputs =
        padded_inputs(model, {random_prompt(random, 7), random_prompt(random, 4)}, left);
    decoder::AttentionProbe probe;
    probe.self_layers = {0, 2};
    const Tensor hidden = model->hidden_states(inputs, nullptr, &probe);
    CHECK(at::equal(hidden, model->hidden_states(inputs)));
    REQUIRE(probe.self_probabilities.size() == 2);
    const Tensor seen = probe.self_probabilities.at(2);  // [2, heads, 7, 7]
    check_close(seen.sum(-1), at::ones({2, config.heads, 7}, at::kDouble), kSame);
    CHECK(seen.triu(1).abs().max().item<double>() == 0);
    const Tensor to_padding = seen.narrow(0, 1, 1).masked_select(
        inputs.attention_mask[1]
            .view({1, 1, 7, 1})
            .logical_and(inputs.attention_mask[1].logical_not().view({1, 1, 1, 7})));
    CHECK(to_padding.numel() > 0);
    CHECK(to_padding.abs().max().item<double>() == 0);

    probe.heads = 1;
    model->hidden_states(inputs, nullptr, &probe);
    check_close(probe.self_probabilities.at(2), seen.narrow(1, 0, 1), kSame);
    model->zero_grad();
    probe.self_probabilities.at(2).pow(2).sum().backward();
    auto& first = model->model->layers->at<decoder::LlamaLayerImpl>(0);
    auto& last = model->model->layers->at<decoder::LlamaLayerImpl>(2);
    CHECK(last.self_attn->q_proj->weight.grad().abs().max().item<double>() > 0);
    CHECK(first.mlp->up_proj->weight.grad().abs().max().item<double>() > 0);
    CHECK_FALSE(last.mlp->up_proj->weight.grad().defined());
  }
}

TEST_CASE("the probe's probabilities are those that attention uses") {
  const at::NoGradGuard no_grad;
  at::manual_seed(6);
  const auto doubles = at::TensorOptions(at::kDouble);
  const Tensor query = at::randn({2, 6, 5, 8}, doubles);
  const Tensor keys = at::randn({2, 3, 5, 8}, doubles);
  const Tensor values = at::randn({2, 3, 5, 8}, doubles);
  Tensor real = at::ones({2, 5}, at::kBool);
  real[1].narrow(0, 0, 2).fill_(false);
  for (const Tensor& mask : {Tensor(), real}) {
    const auto attention_mask = decoder::causal_mask(mask, 5, nullptr, doubles);
    const Tensor probabilities =
        decoder::attention_probabilities(query, keys, attention_mask, /*num_heads=*/0);
    check_close(decoder::causal_attention(query, keys, values, attention_mask),
                at::matmul(probabilities, values.repeat_interleave(2, 1)), kSame);
  }
}

TEST_CASE("autocast keeps the residual stream in float32 and stays close") {
  const at::NoGradGuard no_grad;
  decoder::LlamaForCausalLM model = tiny_llama(7, at::kFloat);
  Random random(7);
  const Tensor ids = random_ids(random, 2, 8);
  Tensor mask = all_real(ids);
  mask[1].narrow(0, 0, 3).fill_(false);
  const DecoderInputs inputs = model->text_inputs(ids, mask);
  const Tensor expected = model->hidden_states(inputs);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  const Tensor actual = model->hidden_states(inputs);
  decoder::KvCache cache = model->make_cache(2, 8);
  const Tensor first = model->hidden_states(chunk(inputs, 0, 5), &cache);
  const Tensor second = model->hidden_states(chunk(inputs, 5, 3), &cache);
  at::autocast::set_autocast_enabled(at::kCPU, false);
  at::autocast::clear_cache();
  CHECK((actual.scalar_type() == at::kFloat));
  CHECK((cache.keys_values(0).first.scalar_type() == at::kBFloat16));
  const Tensor shown = mask.unsqueeze(-1);
  check_close(actual * shown, expected * shown, {0.1, 0.05});
  check_close(at::cat({first, second}, 1) * shown, expected * shown, {0.1, 0.05});
}

TEST_CASE("a model in bfloat16 runs and stays close") {
  const at::NoGradGuard no_grad;
  decoder::LlamaForCausalLM model = tiny_llama(8, at::kFloat);
  Random random(8);
  const Tensor ids = random_ids(random, 2, 8);
  const Tensor expected = model->hidden_states(model->text_inputs(ids, all_real(ids)));
  model->to(at::kBFloat16);
  const Tensor actual = model->hidden_states(model->text_inputs(ids, all_real(ids)));
  CHECK((actual.scalar_type() == at::kBFloat16));
  check_close(actual, expected, {0.15, 0.05});
}

TEST_CASE("shapes are checked at the boundary") {
  decoder::LlamaForCausalLM model = tiny_llama(9);
  Random random(9);
  const Tensor ids = random_ids(random, 2, 4);
  const DecoderInputs inputs = model->text_inputs(ids, all_real(ids));
  DecoderInputs wrong = inputs;
  wrong.embeddings = at::zeros({2, 4, 23}, at::kDouble);
  CHECK_THROWS_AS(model(wrong), c10::Error);
  wrong = inputs;
  wrong.position_ids = inputs.position_ids.narrow(1, 0, 3);
  CHECK_THROWS_AS(model(wrong), c10::Error);
  wrong = inputs;
  wrong.attention_mask = inputs.attention_mask.to(at::kLong);
  CHECK_THROWS_AS(model(wrong), c10::Error);
  decoder::KvCache small = model->make_cache(2, 3);
  CHECK_THROWS_AS(model(inputs, &small), c10::Error);
  decoder::KvCache narrow = model->make_cache(1, 4);
  CHECK_THROWS_AS(model(inputs, &narrow), c10::Error);
}

}  // namespace nvlm::test
