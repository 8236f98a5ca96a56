#include "decoder/quantization.h"

#include <cmath>

#include "common/linear.h"
#include "decoder/generation.h"
#include "decoder/rms_norm.h"
#include "decoder/rotary_embedding.h"
#include "tests/decoder/llama_support.h"

namespace nvlm::test {

TEST_CASE("logit change: by hand") {
  // Two tokens of a vocabulary of two: the second is token 1.
  const Tensor before = at::tensor({0.0F, 0.0F, 5.0F, 5.0F}).view({2, 2});
  const Tensor after = at::tensor({0.0F, std::log(3.0F), 5.0F, 5.0F}).view({2, 2});
  const decoder::LogitChange change = decoder::logit_change(before, after, {0, 1});
  CHECK(change.mean_absolute == doctest::Approx(std::log(3.0) / 4));
  CHECK(change.perplexity_before == doctest::Approx(2));
  CHECK(change.perplexity_after == doctest::Approx(4.0 / 3));
  CHECK_THROWS_AS(decoder::logit_change(before, after, {0}), c10::Error);
  CHECK_THROWS_AS(decoder::logit_change(before, after.narrow(0, 0, 1), {0, 1}), c10::Error);
}

TEST_CASE("a quantised decoder: near the original, 8 bits nearer than 4, decoding as its forward") {
  decoder::LlamaConfig config = tiny_llama_config();
  config.hidden = 64;
  config.ffn_hidden = 96;
  config.heads = 4;
  config.kv_heads = 2;
  config.head_dim = 16;
  Random random(8);
  const Tensor ids = random_ids(random, 1, 12);
  const std::vector<int64_t> tokens(ids.const_data_ptr<int64_t>(),
                                    ids.const_data_ptr<int64_t>() + 12);
  double error_of_int8 = 0;
  for (const auto kind : {Quantization::kInt8, Quantization::kInt4}) {
    config.initializer_range = 0.1;
    decoder::LlamaForCausalLM model = tiny_llama(9, at::kFloat, config);
    const Tensor before = decoder::text_logits(*model, tokens);
    decoder::quantize(*model, kind);
    const Tensor after = decoder::text_logits(*model, tokens);
    const decoder::LogitChange change = decoder::logit_change(before, after, tokens);
    const double error = change.mean_absolute / before.abs().mean().item<double>();
    CHECK(error > 0);
    CHECK(error < (kind == Quantization::kInt8 ? 0.03 : 0.4));
    if (kind == Quantization::kInt8) error_of_int8 = error;
    if (kind == Quantization::kInt4) CHECK(error > error_of_int8);

    // One token after the other: the kernels for few rows.
    const at::NoGradGuard no_grad;
    decoder::KvCache cache = model->make_cache(1, 12);
    for (int64_t t = 0; t < 12; ++t) {
      const Tensor id = ids.narrow(1, t, 1);
      decoder::DecoderInputs step = model->text_inputs(id, all_real(id));
      step.position_ids = at::full({1, 1}, t, at::kLong);
      check_close(model->forward(step, &cache).view({-1}), after[t], {0.02, 0.02});
    }
  }
}

TEST_CASE("bfloat16: the kernels of inference give what the chain of operations gives") {
  at::manual_seed(10);
  for (const int64_t size : {2, 7, 64, 257}) {
    CAPTURE(size);
    decoder::RmsNorm norm(size, 1e-5);
    norm->to(at::kBFloat16);
    const Tensor x = (at::randn({3, 5, size}) * 4).to(at::kBFloat16);
    const Tensor composed = norm(x).detach();
    const at::NoGradGuard no_grad;
    check_close(norm(x).to(at::kFloat), composed.to(at::kFloat), {1e-6, 8e-3});
  }
  const Tensor x = at::randn({2, 3, 4, 10}).to(at::kBFloat16);
  const decoder::RotaryAngles angles =
      decoder::rotary_angles(at::rand({5}), at::arange(6).view({2, 3}).to(at::kLong));
  const Tensor composed = decoder::apply_rotary(x, angles);
  const at::NoGradGuard no_grad;
  check_close(decoder::apply_rotary(x, angles).to(at::kFloat), composed.to(at::kFloat),
              {1e-6, 8e-3});
}

}  // namespace nvlm::test
