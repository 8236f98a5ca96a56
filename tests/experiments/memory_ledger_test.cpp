// Predicted bytes against those that tensors really hold, step by step of a pass.
#include "experiments/efficiency/memory_ledger.h"

#include <doctest/doctest.h>

#include "common/autocast.h"
#include "decoder/language_model_loss.h"
#include "decoder/presets.h"
#include "experiments/efficiency/memory_counter.h"
#include "experiments/recipes/lab_model.h"
#include "fusion/multimodal_model.h"
#include "tests/experiments/shared_tokenizer.h"

namespace nvlm::experiments {
namespace {

/// One tile, or so many regular ones and a thumbnail.
vision::ImageLayout layout_of(int64_t columns, int64_t rows) {
  vision::ImageLayout layout;
  layout.columns = columns;
  layout.rows = rows;
  layout.has_thumbnail = true;
  return layout;
}

/// NVLM-D with an encoder of so many layers; stem_channels 0 = a linear patch embedding.
fusion::MultimodalConfig with_encoder(int64_t layers, int64_t stem_channels) {
  LabModelConfig lab;
  lab.decoder.vocab = lab_tokenizer().vocab_size();
  lab.vision.layers = layers;
  lab.vision.stem_channels = stem_channels;
  lab.vision.image_size = stem_channels > 0 ? 256 : 224;
  lab.vision.patch_size = stem_channels > 0 ? 16 : 14;
  return multimodal_config(lab);
}

fusion::PromptBatch answers_of_different_length(const fusion::MultimodalConfig& config,
                                                const vision::ImageLayout& layout) {
  const fusion::PromptBuilder builder(lab_tokenizer(), config.prompt());
  std::vector<fusion::Prompt> prompts;
  std::string answer = "| a |";
  for (int i = 0; i < 3; ++i) {
    for (int word = 0; word < 20 + 10 * i; ++word) answer += " word |";
    prompts.push_back(builder.build("What is in this table?", {layout}, answer));
  }
  return fusion::collate(std::move(prompts), /*pad_id=*/0);
}

struct Held {
  int64_t forward = 0, peak = 0, gradients = 0;
};

/// What one forward and backward pass of `loss` holds beside the weights.
template <class Loss>
Held held_by(torch::nn::Module& model, at::ScalarType dtype, const Loss& loss) {
  const MemoryCounter counter;
  Held held;
  Tensor sum = [&] {
    const AutocastScope autocast(at::kCPU, dtype);
    return loss();
  }();
  held.forward = counter.bytes();
  sum.backward();
  sum = Tensor();
  held.peak = counter.peak_bytes();
  held.gradients = counter.bytes();
  for (Tensor& parameter : model.parameters()) parameter.mutable_grad() = Tensor();
  return held;
}

void check_within(double predicted, int64_t measured, double share) {
  CHECK(predicted == doctest::Approx(static_cast<double>(measured)).epsilon(share));
}

TEST_CASE("memory ledger: a training pass of D, X and H at 1, 4 and 7 tiles") {
  for (const fusion::Variant variant :
       {fusion::Variant::kDecoder, fusion::Variant::kCrossAttention, fusion::Variant::kHybrid}) {
    LabModelConfig lab;
    lab.variant = variant;
    lab.decoder.vocab = lab_tokenizer().vocab_size();
    lab.vision.layers = 1;
    const fusion::MultimodalConfig config = multimodal_config(lab);
    fusion::MultimodalModel model(config);
    for (Tensor& parameter : model->vision_model->parameters()) parameter.set_requires_grad(false);
    for (const auto& [columns, rows] : {std::pair{0, 0}, {3, 1}, {3, 2}}) {
      const fusion::PromptBatch prompts =
          answers_of_different_length(config, layout_of(columns, rows));
      BatchShape shape = packed(shape_of(prompts, /*labels=*/true), prompts);
      shape.encoded = 0;
      const vision::TileFeatures features{
          at::randn({shape.projected, config.tile_tokens(), 4 * config.vision.hidden}),
          prompts.tile_refs()};
      const double feature_bytes = 4 * static_cast<double>(features.tokens.numel());
      for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
        for (const bool recomputes : {false, true}) {
          CAPTURE(fusion::name(variant));
          CAPTURE(shape.projected);
          CAPTURE(dtype);
          CAPTURE(recomputes);
          model->language_model->model->recompute_activations(recomputes);
          const Held held = held_by(*model, dtype, [&] {
            const decoder::DecoderInputs inputs = decoder::packed(model->fuse(prompts, features));
            const Tensor hidden = model->language_model->hidden_states(inputs);
            return decoder::language_model_loss(model->language_model, hidden,
                                                inputs.rows->pack_labels(prompts.labels))
                .sum;
          });
          const StepMemory memory =
              step_memory(config, shape, {.dtype = dtype, .recomputes_layers = recomputes});
          check_within(memory.activations - feature_bytes, held.forward, 0.1);
          check_within(memory.pass - feature_bytes, held.peak, 0.1);
          check_within(memory.gradients, held.gradients, 0.01);
          if (recomputes) CHECK(2 * held.forward < held.peak);
        }
      }
    }
  }
}

TEST_CASE("memory ledger: a frozen encoder with a linear patch embedding, and with a stem") {
  for (const int64_t stem_channels : {0, 32}) {
    const fusion::MultimodalConfig config = with_encoder(/*layers=*/2, stem_channels);
    fusion::MultimodalModel model(config);
    const at::NoGradGuard no_grad;
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
      CAPTURE(stem_channels);
      CAPTURE(dtype);
      model->vision_model->to(dtype);
      const int64_t tiles = 6, side = config.vision.image_size;
      const Tensor pixels = at::zeros({tiles, side, side, 3}, at::kByte);
      const AutocastScope autocast(at::kCPU, dtype);
      const MemoryCounter counter;
      model->encode_tiles(vision::normalise_tiles(pixels));
      const BatchShape shape{
          .batch = 1, .sequence = 8, .encoded = tiles, .projected = tiles, .logits = 8};
      check_within(step_memory(config, shape, {.dtype = dtype}).encoder, counter.peak_bytes(), 0.1);
    }
  }
}

TEST_CASE("memory ledger: a trained encoder with a linear patch embedding, and with a stem") {
  for (const int64_t stem_channels : {0, 32}) {
    const fusion::MultimodalConfig config = with_encoder(/*layers=*/3, stem_channels);
    fusion::MultimodalModel model(config);
    for (const auto& [columns, rows] : {std::pair{0, 0}, {3, 1}, {3, 2}}) {
      const fusion::PromptBatch prompts =
          answers_of_different_length(config, layout_of(columns, rows));
      const BatchShape shape = packed(shape_of(prompts, /*labels=*/true), prompts);
      const int64_t side = config.vision.image_size;
      const Tensor pixels = at::zeros({shape.encoded, side, side, 3}, at::kByte);
      for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
        CAPTURE(stem_channels);
        CAPTURE(shape.encoded);
        CAPTURE(dtype);
        const Held held = held_by(*model, dtype, [&] {
          const vision::TileFeatures features{
              model->encode_tiles(vision::normalise_tiles(pixels)).to(at::kFloat),
              prompts.tile_refs()};
          const decoder::DecoderInputs inputs = decoder::packed(model->fuse(prompts, features));
          const Tensor hidden = model->language_model->hidden_states(inputs);
          return decoder::language_model_loss(model->language_model, hidden,
                                              inputs.rows->pack_labels(prompts.labels))
              .sum;
        });
        StepMethod method{.dtype = dtype};
        method.trained.encoder = true;
        const StepMemory memory = step_memory(config, shape, method);
        check_within(memory.activations, held.forward, 0.1);
        check_within(memory.pass, held.peak, 0.1);
        check_within(memory.gradients, held.gradients, 0.01);
      }
    }
  }
}

TEST_CASE("memory ledger: text of decoders with and without shared keys") {
  for (const int64_t kv_heads : {4, 2}) {
    decoder::LlamaConfig config;
    config.hidden = 128;
    config.layers = 3;
    config.heads = 4;
    config.kv_heads = kv_heads;
    config.head_dim = 32;
    config.ffn_hidden = 352;
    config.vocab = 300;
    decoder::LlamaForCausalLM model(config);
    const BatchShape shape{.batch = 3, .sequence = 200, .logits = 3 * 199};
    const Tensor ids = at::randint(0, config.vocab, {shape.batch, shape.sequence}, at::kLong);
    const Tensor mask = at::ones_like(ids, at::kBool);
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
      CAPTURE(kv_heads);
      CAPTURE(dtype);
      const Held held = held_by(*model, dtype, [&] {
        const Tensor hidden = model->hidden_states(model->text_inputs(ids, mask));
        return decoder::language_model_loss(model, hidden, ids).sum;
      });
      const StepMemory memory =
          step_memory(config, shape, {.trained = {.decoder = true}, .dtype = dtype});
      check_within(memory.activations, held.forward, 0.1);
      check_within(memory.pass, held.peak, 0.1);
      check_within(memory.gradients, held.gradients, 0.01);
    }
  }
}

TEST_CASE("memory ledger: NVLM's 34B decoder, by hand") {
  const decoder::LlamaConfig config = decoder::preset("yi-34b").value();
  const BatchShape shape{.batch = 1, .sequence = 1024, .logits = 256};
  const StepMemory kept =
      step_memory(config, shape, {.trained = {.decoder = true}, .dtype = at::kBFloat16});
  CHECK(kept.gradients == 4 * static_cast<double>(decoder::num_parameters(config)));
  CHECK(kept.optimizer == 2 * kept.gradients);
  // Recomputed, each layer keeps its input alone: 1024 rows of the residual stream.
  const StepMemory again = step_memory(
      config, shape,
      {.trained = {.decoder = true}, .dtype = at::kBFloat16, .recomputes_layers = true});
  const double inputs = 1024.0 * static_cast<double>(config.hidden * config.layers) * 4;
  CHECK(again.activations > inputs);
  CHECK(again.activations < inputs + 1.5e9);  // the head's
  CHECK(10 * again.activations < kept.activations);
  CHECK(again.pass <= kept.pass);  // all gradients at once are more than either
}

}  // namespace
}  // namespace nvlm::experiments
