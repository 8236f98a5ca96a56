// Packed rows against padded batches: the same hidden states, loss and gradients for every variant.
#include <doctest/doctest.h>

#include "decoder/language_model_loss.h"
#include "decoder/packed_rows.h"
#include "tests/fusion/tiny_lab.h"

namespace nvlm::test {
namespace {

using decoder::PackedRows;

Tensor lengths_mask(const std::vector<int64_t>& lengths, int64_t seq) {
  return at::arange(seq).unsqueeze(0).lt(at::tensor(lengths, at::kLong).unsqueeze(1));
}

TEST_CASE("packed rows: real positions in order, and back with zeros at padding") {
  const Tensor mask = lengths_mask({2, 1, 3}, 3);
  const PackedRows rows(mask);
  CHECK(rows.tokens() == 6);
  const Tensor padded = at::arange(9, at::kLong).view({3, 3});
  CHECK(rows.pack(padded).equal(at::tensor({0, 1, 3, 6, 7, 8}, at::kLong).unsqueeze(0)));
  CHECK(rows.unpack(rows.pack(padded)).equal(padded * mask));
  const Tensor wide = at::randn({3, 3, 2, 4});
  CHECK(rows.unpack(rows.pack(wide)).equal(wide * mask.view({3, 3, 1, 1})));
  CHECK(rows.pack_labels(padded).equal(
      at::tensor({-100, 1, -100, -100, 7, 8}, at::kLong).unsqueeze(0)));
}

TEST_CASE("packed rows: a mask without a real token, of another shape or dtype, is refused") {
  CHECK_THROWS_WITH_AS(PackedRows(at::zeros({2, 3}, at::kBool)),
                       doctest::Contains("without a real token"), c10::Error);
  CHECK_THROWS_AS(PackedRows(at::ones({3}, at::kBool)), c10::Error);
  CHECK_THROWS_AS(PackedRows(at::ones({2, 3})), c10::Error);
}

/// Loss and gradients of everything that has one, by name.
struct Step {
  Tensor sum, count;
  std::map<std::string, Tensor> gradients;
};

Step step(TinyLab& lab, const decoder::DecoderInputs& inputs, const Tensor& labels) {
  const Tensor hidden = lab.decoder->hidden_states(inputs);
  const auto loss = decoder::language_model_loss(lab.decoder, hidden, labels);
  loss.sum.backward();
  Step done{loss.sum.detach(), loss.count, {}};
  const auto take = [&](const std::string& prefix, torch::nn::Module& module) {
    for (const auto& item : module.named_parameters()) {
      if (item.value().grad().defined()) {
        done.gradients[prefix + item.key()] = item.value().grad().clone();
      }
    }
    module.zero_grad();
  };
  take("decoder.", *lab.decoder);
  take("fusion.", lab.module());
  return done;
}

TEST_CASE("packed rows: hidden states, loss and gradients of D, X, H and the free cell") {
  for (uint64_t seed = 0; seed < 6; ++seed) {
    TinyLab lab(seed);
    std::vector<Question> questions;
    for (int i = 0; i < 3; ++i) {
      questions.push_back(lab.random_question());
      if (!questions.back().answer) questions.back().answer = "| a | b |";
    }
    for (const fusion::Variant variant : kVariants) {
      CAPTURE(seed);
      CAPTURE(fusion::name(variant));
      const fusion::PromptBatch prompts = lab.batch(fusion::routing(variant), questions);
      const vision::TileFeatures features = lab.features(prompts);

      const decoder::DecoderInputs padded = lab.inputs(prompts, features);
      const decoder::DecoderInputs packed = decoder::packed(padded);
      const Tensor expected = lab.decoder->hidden_states(padded);
      const Tensor hidden = packed.rows->unpack(lab.decoder->hidden_states(packed));
      const Tensor real = prompts.attention_mask.unsqueeze(-1);
      CHECK(at::allclose(hidden, expected.masked_fill(real.logical_not(), 0), 1e-10, 1e-12));

      const Step whole = step(lab, lab.inputs(prompts, features), prompts.labels);
      const decoder::DecoderInputs again = decoder::packed(lab.inputs(prompts, features));
      const Step row = step(lab, again, again.rows->pack_labels(prompts.labels));
      CHECK(row.count.equal(whole.count));
      CHECK(at::allclose(row.sum, whole.sum, 1e-10, 1e-12));
      REQUIRE(row.gradients.size() == whole.gradients.size());
      for (const auto& [name, gradient] : whole.gradients) {
        CAPTURE(name);
        CHECK(at::allclose(row.gradients.at(name), gradient, 1e-9, 1e-11));
      }
    }
  }
}

TEST_CASE("recomputed activations: loss and gradients as if everything were kept") {
  for (const fusion::Variant variant : kVariants) {
    CAPTURE(fusion::name(variant));
    TinyLab lab(11);
    const std::vector<Question> questions = {lab.random_question(), lab.random_question()};
    const fusion::PromptBatch prompts = lab.batch(fusion::routing(variant), questions);
    const vision::TileFeatures features = lab.features(prompts);
    for (const bool is_packed : {false, true}) {
      const auto run = [&] {
        const decoder::DecoderInputs padded = lab.inputs(prompts, features);
        const decoder::DecoderInputs inputs = is_packed ? decoder::packed(padded) : padded;
        const Tensor labels = at::where(prompts.attention_mask, prompts.ids, -100);
        return step(lab, inputs, is_packed ? inputs.rows->pack_labels(labels) : labels);
      };
      const Step kept = run();
      lab.decoder->model->recompute_activations(true);
      const Step again = run();
      lab.decoder->model->recompute_activations(false);
      CHECK(again.sum.equal(kept.sum));
      REQUIRE(again.gradients.size() == kept.gradients.size());
      for (const auto& [name, gradient] : kept.gradients) {
        CAPTURE(name);
        CHECK(at::allclose(again.gradients.at(name), gradient, 1e-12, 1e-14));
      }
    }
  }
}

TEST_CASE("packed rows: no sample sees another") {
  TinyLab lab(3);
  std::vector<Question> questions = {lab.random_question(), lab.random_question()};
  const fusion::PromptBatch prompts =
      lab.batch(fusion::routing(fusion::Variant::kHybrid), questions);
  vision::TileFeatures features = lab.features(prompts);
  const auto first_sample = [&] {
    const decoder::DecoderInputs packed = decoder::packed(lab.inputs(prompts, features));
    return packed.rows->unpack(lab.decoder->hidden_states(packed))[0].detach().clone();
  };
  const Tensor before = first_sample();
  const auto last = features.tokens.size(0) - 1;  // a tile of the second sample
  features.tokens = features.tokens.clone();
  features.tokens[last].add_(1);
  CHECK(first_sample().equal(before));
}

TEST_CASE("packed rows: refused with a cache, and when packed already") {
  TinyLab lab(4);
  const fusion::PromptBatch prompts =
      lab.batch(fusion::routing(fusion::Variant::kDecoder), {lab.random_question()});
  const decoder::DecoderInputs packed = decoder::packed(lab.inputs(prompts, lab.features(prompts)));
  CHECK_THROWS_WITH_AS(decoder::packed(packed), doctest::Contains("packed already"), c10::Error);
  decoder::KvCache cache = lab.decoder->make_cache(1, 500);
  CHECK_THROWS_WITH_AS(lab.decoder->hidden_states(packed, &cache), doctest::Contains("cache"),
                       c10::Error);
}

}  // namespace
}  // namespace nvlm::test
