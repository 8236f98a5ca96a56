// The resampler: a set of tokens becomes a few latents, tile by tile.
#include <doctest/doctest.h>

#include <cmath>

#include "fusion/fusion_config.h"
#include "fusion/perceiver_resampler.h"
#include "tests/support/tensors.h"

namespace nvlm::fusion {
namespace {

using test::check_close;

constexpr PerceiverResamplerSizes kResamplerSizes = {
    .hidden = 12, .heads = 3, .head_dim = 4, .ffn_hidden = 20};

PerceiverResampler resampler_of(int64_t latents, int64_t layers) {
  at::manual_seed(11);
  return PerceiverResampler(PerceiverResamplerConfig{latents, layers}, kResamplerSizes);
}

TEST_CASE("resampler: so many latents for every tile, whatever it has") {
  PerceiverResampler resampler = resampler_of(5, 2);
  for (const int64_t tokens : {1, 4, 9}) {
    CHECK(resampler(at::randn({3, tokens, 12})).sizes() == at::IntArrayRef({3, 5, 12}));
  }
  CHECK_THROWS_WITH(resampler(at::randn({3, 4, 11})), doctest::Contains("perceiver_resampler"));
}

TEST_CASE("resampler: tokens are a set, and tiles do not see each other") {
  PerceiverResampler resampler = resampler_of(5, 2);
  const Tensor tokens = at::randn({2, 7, 12});
  const Tensor expected = resampler(tokens);
  check_close(resampler(tokens.index_select(1, at::tensor({3, 1, 6, 0, 2, 5, 4}))), expected);
  check_close(resampler(tokens.narrow(0, 1, 1)), expected.narrow(0, 1, 1));
  CHECK_FALSE(at::allclose(resampler(tokens + at::eye(12).narrow(0, 0, 7)), expected));
}

TEST_CASE("resampler: one layer with one head by hand") {
  // One latent and one token of width 2; projections are the identity, so the latent attends to
  // both with softmax(q k / sqrt 2); a feed-forward of zeros adds nothing.
  at::manual_seed(1);
  const PerceiverResamplerSizes sizes{.hidden = 2, .heads = 1, .head_dim = 2, .ffn_hidden = 3};
  PerceiverResampler resampler(PerceiverResamplerConfig{1, 1}, sizes);
  const c10::NoGradGuard no_grad;
  for (auto& parameter : resampler->named_parameters()) {
    Tensor value = parameter.value();
    if (parameter.key() == "latents") value.copy_(at::tensor({1.0F, 0.0F}).view({1, 2}));
    if (parameter.key().find("_proj.weight") == std::string::npos) continue;
    if (parameter.key().find("mlp") != std::string::npos) {
      value.zero_();
    } else {
      value.copy_(at::eye(2));
    }
  }
  const Tensor out = resampler(at::tensor({0.0F, 3.0F}).view({1, 1, 2}));
  // RMS norms make (sqrt 2, 0) of the latent and (0, sqrt 2) of the token: scores 0 and sqrt 2.
  const double own = std::exp(std::sqrt(2.0)) / (1 + std::exp(std::sqrt(2.0)));
  const double x = 1 + own * std::sqrt(2.0), y = (1 - own) * std::sqrt(2.0);
  const double rms = std::sqrt((x * x + y * y) / 2);
  CHECK(out[0][0][0].item<double>() == doctest::Approx(x / rms).epsilon(1e-4));
  CHECK(out[0][0][1].item<double>() == doctest::Approx(y / rms).epsilon(1e-4));
}

FusionConfig config_with_resampler(Variant variant) {
  FusionConfig config;
  config.variant = variant;
  config.projector = {8, 6, 12, true};
  config.cross_attention.attention = {12, 3, 3, 4};
  config.cross_attention.ffn_hidden = 20;
  config.depths = {1};
  config.resampler = {.latents = 4, .layers = 3};
  return config;
}

TEST_CASE("resampler: stands in config.json, and only where all tiles go to the memory") {
  const FusionConfig config = config_with_resampler(Variant::kCrossAttention);
  const FusionConfig read = fusion_config_from_json(to_json(config));
  CHECK(read.resampler.latents == 4);
  CHECK(read.resampler.layers == 3);
  for (const Variant variant : {Variant::kDecoder, Variant::kHybrid, Variant::kReversed}) {
    CHECK_THROWS_WITH_AS(validate(config_with_resampler(variant)),
                         doctest::Contains("with a resampler"), std::invalid_argument);
  }
  FusionConfig without = config;
  without.resampler.latents = 0;
  CHECK_FALSE(to_json(without).contains("resampler"));
}

}  // namespace
}  // namespace nvlm::fusion
