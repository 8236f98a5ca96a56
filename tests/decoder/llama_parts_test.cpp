// The decoder's parts by themselves: norm, rotation, gradients, loss, initial weights.
#include <cmath>
#include <functional>

#include "decoder/language_model_loss.h"
#include "decoder/rms_norm.h"
#include "decoder/rotary_embedding.h"
#include "tests/decoder/llama_support.h"

namespace nvlm::test {
namespace {

/// Compares autograd's gradient of `loss` with central differences at up to `probes` entries of
/// each tensor, all in double.
void check_gradient(const std::function<Tensor()>& loss, const std::vector<Tensor>& inputs,
                    int64_t probes, uint64_t seed) {
  Random random(seed);
  loss().backward();
  const at::NoGradGuard no_grad;
  constexpr double kStep = 1e-5;
  for (const Tensor& input : inputs) {
    REQUIRE(input.grad().defined());
    Tensor values = input.view(-1);
    for (int64_t i = 0; i < std::min(probes, values.numel()); ++i) {
      const int64_t at = random.integer(0, values.numel() - 1);
      const double before = values[at].item<double>();
      values[at] = before + kStep;
      const double above = loss().item<double>();
      values[at] = before - kStep;
      const double below = loss().item<double>();
      values[at] = before;
      CHECK(input.grad().reshape(-1)[at].item<double>() ==
            doctest::Approx((above - below) / (2 * kStep)).epsilon(1e-6));
    }
  }
}

}  // namespace

TEST_CASE("RMS norm by hand, in every dtype, and its inference kernel") {
  decoder::RmsNorm norm(2, 1e-5);
  const Tensor input = at::tensor({3.0, 4.0}, at::kDouble);
  norm->to(at::kDouble);
  const double scale = 1 / std::sqrt(12.5 + 1e-5);
  check_close(norm(input), at::tensor({3 * scale, 4 * scale}, at::kDouble), {1e-12, 0});

  at::manual_seed(1);
  for (const int64_t size : {1, 7, 8, 96, 257}) {
    decoder::RmsNorm wide(size, 1e-5);
    const Tensor x = at::randn({5, 3, size}) * 10;
    const Tensor composed = wide(x);
    const at::NoGradGuard no_grad;
    check_close(wide(x), composed.detach(), {1e-6, 1e-6});
    // A transposed input takes the composed path: same numbers.
    check_close(wide(x.transpose(0, 1)), composed.detach().transpose(0, 1), {1e-6, 1e-6});
    const Tensor narrow = wide(x.to(at::kBFloat16));
    check_close(narrow, composed.detach(), {0.02, 0.02});
  }
  // Cast before the weight: the statistic of the bfloat16 values, rounded, then times the weight.
  decoder::RmsNorm weighted(64, 1e-5);
  const at::NoGradGuard no_grad;
  weighted->weight.uniform_(0.5, 2);
  const Tensor x = at::randn({4, 64}).to(at::kBFloat16);
  const Tensor wide = x.to(at::kFloat);
  const Tensor normed = wide * (wide.square().mean(-1, true) + 1e-5).rsqrt();
  CHECK(at::equal(weighted(x), normed.to(at::kBFloat16) * weighted->weight));
}

TEST_CASE("rotation keeps lengths and depends on distances only") {
  decoder::LlamaConfig config = tiny_llama_config();
  const Tensor frequencies = decoder::rotary_frequencies(config);
  CHECK(frequencies[0].item<float>() == 1.0f);
  at::manual_seed(2);
  const Tensor x = at::randn({2, 5, 6, 8}, at::kDouble);
  const Tensor positions = at::tensor({0, 1, 2, 30, 400}, at::kLong).expand({2, 5});
  const auto angles = decoder::rotary_angles(frequencies, positions);
  const Tensor rotated = decoder::apply_rotary(x, angles);
  check_close(rotated.norm(2, -1), x.norm(2, -1), {1e-6, 1e-6});
  check_close(rotated.select(1, 0), x.select(1, 0), {0, 0});  // position 0

  // Channel i turns together with channel i + head_dim / 2.
  const double c = std::cos(1.0), s = std::sin(1.0);
  const Tensor one = rotated[0][1][0], from = x[0][1][0];
  CHECK(one[0].item<double>() ==
        doctest::Approx(from[0].item<double>() * c - from[4].item<double>() * s).epsilon(1e-6));
  CHECK(one[4].item<double>() ==
        doctest::Approx(from[4].item<double>() * c + from[0].item<double>() * s).epsilon(1e-6));

  const Tensor single = x.to(at::kFloat);
  const at::NoGradGuard no_grad;
  check_close(decoder::apply_rotary(single, angles), rotated, {1e-5, 1e-5});  // inference kernel
  check_close(decoder::apply_rotary(single.transpose(1, 2).contiguous().transpose(1, 2), angles),
              rotated, {1e-5, 1e-5});
  CHECK((decoder::apply_rotary(single.to(at::kBFloat16), angles).scalar_type() == at::kBFloat16));
}

TEST_CASE("Llama 3's scaling gives the published frequencies") {
  decoder::LlamaConfig config;
  config.rope_theta = 5e5;
  config.head_dim = 128;
  config.rope_scaling = decoder::Llama3RopeScaling{};
  const Tensor eight = decoder::rotary_frequencies(config);
  const auto close = [](const Tensor& all, int64_t i, double expected) {
    CHECK(all[i].item<double>() == doctest::Approx(expected).epsilon(1e-6));
  };
  close(eight, 28, 3.211446e-3);
  close(eight, 29, 2.166571e-3);
  close(eight, 32, 5.248462e-4);
  close(eight, 35, 9.556212e-5);
  close(eight, 63, 3.068926e-7);
  config.head_dim = 64;
  config.rope_scaling->factor = 32;
  const Tensor thirty_two = decoder::rotary_frequencies(config);
  close(thirty_two, 14, 3.211446e-3);
  close(thirty_two, 15, 1.290548e-3);
  close(thirty_two, 17, 9.708288e-5);
  close(thirty_two, 31, 9.418306e-8);
}

TEST_CASE("gradients of a padded, grouped model agree with central differences") {
  decoder::LlamaConfig config = tiny_llama_config();
  config.layers = 2;
  config.biases = decoder::BiasKind::kQueryKeyValue;
  decoder::LlamaForCausalLM model = tiny_llama(21, at::kDouble, config);
  Random random(21);
  const Tensor ids = random_ids(random, 3, 5);
  for (const bool left : {false, true}) {
    model->zero_grad();
    Tensor mask = all_real(ids);
    mask[1].narrow(0, left ? 0 : 3, 2).fill_(false);
    const Tensor labels = ids.masked_fill(mask.logical_not(), decoder::kIgnoredLabel);
    decoder::DecoderInputs inputs = model->text_inputs(ids, mask);
    const Tensor embeddings = inputs.embeddings.detach().clone().set_requires_grad(true);
    inputs.embeddings = embeddings;
    decoder::AttentionProbe probe;
    probe.self_layers = {1};
    const auto loss = [&] {
      const Tensor hidden = model->hidden_states(inputs, nullptr, &probe);
      return decoder::language_model_loss(model, hidden, labels).sum +
             probe.self_probabilities.at(1).square().sum();
    };
    std::vector<Tensor> leaves = {embeddings};
    for (const auto& item : model->named_parameters()) {
      if (item.key() != "model.embed_tokens.weight") leaves.push_back(item.value());
    }
    check_gradient(loss, leaves, /*probes=*/4, /*seed=*/22);
  }
}

TEST_CASE("the loss shifts, ignores and sums") {
  at::manual_seed(3);
  decoder::LlamaForCausalLM model = tiny_llama(23);
  Random random(23);
  const Tensor ids = random_ids(random, 3, 6);
  Tensor labels = ids.clone();
  labels[0].narrow(0, 0, 4).fill_(decoder::kIgnoredLabel);
  labels[2].fill_(decoder::kIgnoredLabel);
  const Tensor hidden = model->hidden_states(model->text_inputs(ids, all_real(ids)));
  const Tensor logits = model->logits(hidden);

  double expected = 0;
  int64_t count = 0;
  for (int64_t b = 0; b < 3; ++b) {
    for (int64_t t = 1; t < 6; ++t) {
      const int64_t label = labels[b][t].item<int64_t>();
      if (label == decoder::kIgnoredLabel) continue;
      expected -= logits[b][t - 1].log_softmax(-1)[label].item<double>();
      ++count;
    }
  }
  const auto from_logits = decoder::masked_cross_entropy(logits, labels);
  const auto from_hidden = decoder::language_model_loss(model, hidden, labels);
  CHECK(from_logits.count.item<int64_t>() == count);
  CHECK(from_hidden.count.item<int64_t>() == count);
  CHECK(from_logits.sum.item<double>() == doctest::Approx(expected));
  CHECK(from_hidden.sum.item<double>() == doctest::Approx(expected));
  CHECK(decoder::token_losses(logits, labels).sum().item<double>() == doctest::Approx(expected));

  labels.fill_(decoder::kIgnoredLabel);
  const auto nothing = decoder::language_model_loss(model, hidden, labels);
  CHECK(nothing.sum.item<double>() == 0);
  CHECK(nothing.count.item<int64_t>() == 0);
  nothing.sum.backward();  // zero, not an error: some batches hold no label
  CHECK(model->model->norm->weight.grad().abs().sum().item<double>() == 0);
  CHECK_THROWS_AS(decoder::masked_cross_entropy(logits, labels.narrow(1, 0, 5)), c10::Error);
}

TEST_CASE("fresh weights follow the configuration") {
  decoder::LlamaConfig config;
  config.layers = 1;
  config.biases = decoder::BiasKind::kQueryKeyValue;
  config.initializer_range = 0.05;
  decoder::LlamaForCausalLM model(config);
  int64_t parameters = 0;
  for (const auto& item : model->named_parameters()) {
    CAPTURE(item.key());
    parameters += item.value().numel();
    if (item.value().dim() == 2) {
      CHECK(item.value().std().item<double>() == doctest::Approx(0.05).epsilon(0.03));
    } else {
      const double constant = item.key().ends_with("bias") ? 0 : 1;
      CHECK(item.value().eq(constant).all().item<bool>());
    }
  }
  CHECK(parameters == decoder::num_parameters(config));
  config.tie_word_embeddings = true;
  decoder::LlamaForCausalLM tied(config);
  CHECK(decoder::num_parameters(config) == parameters - config.vocab * config.hidden);
  CHECK_FALSE(tied->named_parameters().contains("lm_head.weight"));
}

}  // namespace nvlm::test
