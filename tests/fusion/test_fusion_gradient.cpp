// Backward against central differences in double, gates open, through the whole model.
#include <cmath>
#include <functional>

#include "tests/fusion/tiny_lab.h"

namespace nvlm::fusion {
namespace {

using namespace nvlm::test;

constexpr double kStep = 1e-6;
constexpr int64_t kEntriesPerTensor = 3;

/// A few random entries of d loss / d weight.
void check_gradient(const Tensor& weight, const std::function<double()>& loss, Random& random) {
  REQUIRE(weight.grad().defined());
  const Tensor flat = weight.detach().view({-1});
  const Tensor grad = weight.grad().reshape({-1});
  for (int64_t i = 0; i < kEntriesPerTensor; ++i) {
    const int64_t entry = random.integer(0, flat.numel() - 1);
    const double value = flat[entry].item<double>();
    flat[entry] = value + kStep;
    const double above = loss();
    flat[entry] = value - kStep;
    const double below = loss();
    flat[entry] = value;
    const double numeric = (above - below) / (2 * kStep), actual = grad[entry].item<double>();
    CAPTURE(entry);
    CAPTURE(numeric);
    CAPTURE(actual);
    CHECK(std::abs(numeric - actual) < 1e-6 + 1e-5 * std::abs(numeric));
  }
}

TEST_CASE("gradients of projector, blocks, embeddings and tile tokens, in every variant") {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    for (const Variant variant : kVariants) {
      CAPTURE(seed);
      CAPTURE(name(variant));
      TinyLab lab(seed);
      const PromptBatch prompts =
          lab.batch(routing(variant), {lab.random_question(), lab.random_question()});
      vision::TileFeatures tiles = lab.features(prompts);
      tiles.tokens.requires_grad_();
      const Tensor direction =
          at::randn({prompts.size(), prompts.ids.size(1), lab.config.vocab}, at::kDouble) *
          prompts.attention_mask.unsqueeze(-1);
      const auto loss = [&] { return (lab.logits(prompts, tiles) * direction).mean(); };
      loss().backward();
      const auto value = [&] {
        const at::NoGradGuard no_grad;
        return loss().item<double>();
      };
      check_gradient(tiles.tokens, value, lab.random);
      check_gradient(lab.decoder->model->embed_tokens->weight, value, lab.random);
      for (const auto& weight : lab.module().named_parameters()) {
        if (!weight.value().grad().defined()) {
          CHECK(variant == Variant::kDecoder);  // its prompts never reach the blocks
          CHECK(weight.key().starts_with("cross_attention."));
          continue;
        }
        CAPTURE(weight.key());
        check_gradient(weight.value(), value, lab.random);
      }
    }
  }
}

}  // namespace
}  // namespace nvlm::fusion
