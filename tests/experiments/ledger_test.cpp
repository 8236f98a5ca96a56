// The ledger against every matrix product that really ran: equal, not close.
#include "experiments/efficiency/ledger.h"

#include <c10/core/InferenceMode.h>
#include <doctest/doctest.h>

#include "common/autocast.h"
#include "decoder/presets.h"
#include "decoder/tokenizer/tokenizer.h"
#include "experiments/efficiency/conventions.h"
#include "experiments/efficiency/flop_counter.h"
#include "fusion/mllama_model.h"
#include "fusion/multimodal_model.h"
#include "fusion/presets.h"
#include "tests/experiments/shared_tokenizer.h"

namespace nvlm::experiments {
namespace {

using fusion::Variant;

constexpr Variant kEveryVariant[] = {Variant::kDecoder, Variant::kCrossAttention, Variant::kHybrid,
                                     Variant::kReversed};

/// Grouped queries, biases nowhere, widths that divide nothing: a wrong dimension shows.
fusion::MultimodalConfig ledger_model(Variant variant) {
  vision::VisionConfig encoder;
  encoder.hidden = 12;
  encoder.layers = 2;
  encoder.heads = 3;
  encoder.ffn_hidden = 20;
  encoder.image_size = 56;
  decoder::LlamaConfig llama;
  llama.hidden = 24;
  llama.layers = 3;
  llama.heads = 6;
  llama.kv_heads = 2;
  llama.head_dim = 8;
  llama.ffn_hidden = 36;
  llama.vocab = lab_tokenizer().vocab_size();
  fusion::MultimodalConfig config = fusion::lab_model(variant, encoder, llama, /*every=*/1);
  config.fusion.depths = {1, 3};  // the first layer has no block before it, the last one behind
  config.fusion.num_tile_positions = 7;
  return config;
}

fusion::PromptBatch prompts_for(const fusion::MultimodalConfig& config,
                                const std::vector<vision::ImageLayout>& layouts) {
  const fusion::PromptBuilder builder(lab_tokenizer(), config.prompt());
  std::vector<fusion::Prompt> prompts;
  std::string answer = "| a |";
  for (const vision::ImageLayout& layout : layouts) {
    prompts.push_back(builder.build("What is in this table?", {layout}, answer));
    answer += " b | 12 |";  // other lengths: padding is multiplied too
  }
  return fusion::collate(std::move(prompts), /*pad_id=*/0);
}

vision::ImageLayout tiles(int64_t columns, int64_t rows, bool has_thumbnail) {
  vision::ImageLayout layout;
  layout.columns = columns;
  layout.rows = rows;
  layout.has_thumbnail = has_thumbnail;
  return layout;
}

/// 1 to 7 tiles, thumbnail included, and a batch of all sorts.
const std::vector<std::vector<vision::ImageLayout>>& layouts() {
  static const std::vector<std::vector<vision::ImageLayout>> all = {
      {tiles(0, 0, true)}, {tiles(1, 1, true)},  {tiles(2, 1, true)},
      {tiles(3, 1, true)}, {tiles(2, 2, true)},  {tiles(5, 1, true)},
      {tiles(3, 2, true)}, {tiles(2, 1, false)}, {tiles(1, 1, true), tiles(3, 2, true)}};
  return all;
}

void set_trained(fusion::MultimodalModelImpl& model, const TrainedParts& trained) {
  for (const auto& item : model.named_parameters()) {
    const std::string& name = item.key();
    const bool is_trained = name.starts_with("vision_model.")     ? trained.encoder
                            : name.starts_with("mlp1.")           ? trained.projector
                            : name.starts_with("language_model.") ? trained.decoder
                                                                  : trained.cross_attention;
    item.value().set_requires_grad(is_trained);
  }
}

/// A training step's products, the optimiser's left out.
double counted_step(fusion::MultimodalModel& model, const fusion::PromptBatch& prompts,
                    at::ScalarType dtype) {
  const int64_t size = model->config().vision.image_size;
  const auto num_tiles = static_cast<int64_t>(prompts.tile_refs().size());
  const Tensor pixels = at::randn({num_tiles, 3, size, size});
  const FlopCounter counter;
  const AutocastScope autocast(at::kCPU, dtype);
  vision::TileFeatures features{model->encode_tiles(pixels), prompts.tile_refs()};
  features.tokens = features.tokens.to(at::kFloat);
  const Tensor hidden = model->hidden_states(prompts, features);
  decoder::language_model_loss(model->language_model, hidden, prompts.labels).sum.backward();
  CHECK(counter.uncounted().empty());
  return counter.total();
}

/// Both precisions, which differ in how attention is computed.
void check_step(fusion::MultimodalModel& model, const fusion::PromptBatch& prompts,
                const TrainedParts& trained) {
  const fusion::MultimodalConfig& config = model->config();
  const BatchShape shape = shape_of(prompts, /*labels=*/true);
  CAPTURE(fusion::name(config.fusion.variant));
  CAPTURE(shape.projected);
  CAPTURE(trained.encoder);
  CAPTURE(trained.projector);
  CAPTURE(trained.cross_attention);
  CAPTURE(trained.decoder);
  set_trained(*model, trained);
  CHECK(model_flops(config, shape, {.trained = trained}).all().total() ==
        counted_step(model, prompts, at::kFloat));
  CHECK(
      model_flops(config, shape, {trained, AttentionKernel::kUnfusedWithGradient}).all().total() ==
      counted_step(model, prompts, at::kBFloat16));
}

TEST_CASE("ledger: the convolutions of an encoder's stem, with and without gradients") {
  fusion::MultimodalConfig config = ledger_model(Variant::kDecoder);
  config.vision.image_size = 64;
  config.vision.patch_size = 8;
  config.vision.stem_channels = 4;
  config.preprocessor.tiling.tile_size = 64;
  fusion::MultimodalModel model(config);
  const fusion::PromptBatch prompts = prompts_for(config, layouts().back());
  check_step(model, prompts, kFinetunedParts);
  TrainedParts all = kFinetunedParts;
  all.encoder = true;
  check_step(model, prompts, all);
}

TEST_CASE("ledger: every product of a training step, at 1 to 7 tiles, in both precisions") {
  for (const Variant variant : kEveryVariant) {
    fusion::MultimodalModel model(ledger_model(variant));
    for (const auto& pictures : layouts()) {
      check_step(model, prompts_for(model->config(), pictures), kFinetunedParts);
    }
  }
}

TEST_CASE("ledger: every product of a training step, whatever is trained") {
  for (const Variant variant : kEveryVariant) {
    fusion::MultimodalModel model(ledger_model(variant));
    for (const auto& pictures : {layouts().front(), layouts().back()}) {
      const fusion::PromptBatch prompts = prompts_for(model->config(), pictures);
      for (const TrainedParts& trained :
           {kPretrainedParts,
            TrainedParts{
                .encoder = true, .projector = true, .cross_attention = true, .decoder = true},
            TrainedParts{.projector = true}, TrainedParts{.decoder = true}}) {
        check_step(model, prompts, trained);
      }
    }
  }
}

TEST_CASE(
    "ledger: every product of a training step over packed rows, activations kept or made again") {
  for (const Variant variant : kEveryVariant) {
    CAPTURE(fusion::name(variant));
    fusion::MultimodalModel model(ledger_model(variant));
    const fusion::PromptBatch prompts = prompts_for(model->config(), layouts().back());
    BatchShape shape = packed(shape_of(prompts, /*labels=*/true), prompts);
    REQUIRE(shape.packed_rows < shape.batch * shape.sequence);
    shape.encoded = 0;
    vision::TileFeatures features{
        at::randn({shape.projected, model->config().tile_tokens(), 4 * 12}), prompts.tile_refs()};
    for (const TrainedParts& trained : {kFinetunedParts, kPretrainedParts}) {
      set_trained(*model, trained);
      for (const bool recomputes : {false, true}) {
        CAPTURE(recomputes);
        model->language_model->model->recompute_activations(recomputes);
        const FlopCounter counter;
        const decoder::DecoderInputs inputs = decoder::packed(model->fuse(prompts, features));
        const Tensor hidden = model->language_model->hidden_states(inputs);
        decoder::language_model_loss(model->language_model, hidden,
                                     inputs.rows->pack_labels(prompts.labels))
            .sum.backward();
        CHECK(counter.uncounted().empty());
        CHECK(model_flops(model->config(), shape,
                          {.trained = trained, .recomputes_layers = recomputes})
                  .all()
                  .total() == counter.total());
      }
    }
  }
}

TEST_CASE("ledger: every product of a training step through a perceiver resampler") {
  fusion::MultimodalConfig config = ledger_model(Variant::kCrossAttention);
  config.fusion.resampler = {.latents = 5, .layers = 2};
  fusion::MultimodalModel model(config);
  for (const auto& pictures : {layouts().front(), layouts().back()}) {
    const fusion::PromptBatch prompts = prompts_for(config, pictures);
    for (const TrainedParts& trained :
         {kPretrainedParts, kFinetunedParts, TrainedParts{.projector = true},
          TrainedParts{.decoder = true}}) {
      check_step(model, prompts, trained);
    }
  }
}

TEST_CASE("ledger: every product of an answer, the prompt and each token") {
  const c10::InferenceMode inference;
  for (const Variant variant : kEveryVariant) {
    CAPTURE(fusion::name(variant));
    fusion::MultimodalModel model(ledger_model(variant));
    decoder::LlamaForCausalLM& decoder = model->language_model;
    const fusion::MultimodalConfig& config = model->config();
    for (const auto& pictures : layouts()) {
      const fusion::PromptBatch prompts = prompts_for(config, pictures);
      const BatchShape shape = shape_of(prompts, /*labels=*/false);
      CAPTURE(shape.projected);
      const auto num_tiles = static_cast<int64_t>(prompts.tile_refs().size());
      const Tensor pixels = at::randn({num_tiles, 3, 56, 56});
      decoder::KvCache cache = decoder->make_cache(shape.batch, shape.sequence + 3);
      decoder::DecoderInputs inputs;
      {
        const FlopCounter counter;
        vision::TileFeatures features{model->encode_tiles(pixels), prompts.tile_refs()};
        CHECK(counter.total() == model_flops(config, shape).encoder.forward);
        inputs = model->fuse(prompts, features);
        const Tensor hidden = decoder->hidden_states(inputs, &cache);
        decoder->logits(hidden.narrow(1, shape.sequence - 1, 1));
        CHECK(counter.total() == model_flops(config, shape).all().forward);
        CHECK(model_flops(config, shape).all().backward == 0);
        CHECK(counter.uncounted().empty());
      }
      decoder::DecoderInputs step;
      if (inputs.cross_attention) {
        const decoder::CrossAttention& cross = *inputs.cross_attention;
        step.cross_attention =
            decoder::CrossAttention{cross.blocks, {}, cross.mask.narrow(1, shape.sequence - 1, 1)};
      }
      for (int64_t token = 0; token < 3; ++token) {
        const FlopCounter counter;
        step.embeddings = decoder->embed(at::zeros({shape.batch, 1}, at::kLong));
        step.position_ids = at::full({shape.batch, 1}, cache.length(), at::kLong);
        const BatchShape next = decode_shape(shape, cache.length());
        decoder->logits(decoder->hidden_states(step, &cache));
        CHECK(counter.total() == model_flops(config, next).all().forward);
      }
    }
  }
}

/// The layers and the head over `batch` texts, entered behind the embedding table.
double counted_text(decoder::LlamaForCausalLM& model, int64_t batch, int64_t sequence,
                    bool trains) {
  decoder::DecoderInputs inputs;
  inputs.embeddings = at::zeros({batch, sequence, model->config().hidden});
  inputs.position_ids = at::zeros({batch, sequence}, at::kLong);
  const FlopCounter counter;
  const Tensor logits = model->forward(inputs);
  if (trains) logits.sum().backward();
  CHECK(counter.uncounted().empty());
  return counter.total();
}

void check_text(const decoder::LlamaConfig& config, int64_t batch, int64_t sequence) {
  decoder::LlamaForCausalLM model(config);
  const BatchShape shape{.batch = batch, .sequence = sequence, .logits = batch * sequence};
  for (const bool trains : {false, true}) {
    CAPTURE(trains);
    for (Tensor& parameter : model->parameters()) parameter.set_requires_grad(trains);
    CHECK(model_flops(config, shape, {.trained = {.decoder = trains}}).all().total() ==
          counted_text(model, batch, sequence, trains));
  }
}

const std::vector<std::string> kTextPresets = {"gpt2",          "llama-2-7b",   "llama-3.1-8b",
                                               "llama-3.2-1b",  "qwen2.5-0.5b", "yi-34b",
                                               "llama-3.1-405b"};

TEST_CASE("ledger: published decoders, their shapes scaled down") {
  for (const std::string& name : kTextPresets) {
    CAPTURE(name);
    decoder::LlamaConfig config = decoder::preset(name).value();
    config.hidden /= 64;
    config.ffn_hidden /= 64;
    config.head_dim = 4;
    config.layers = 3;
    config.vocab = 101;
    check_text(config, /*batch=*/2, /*sequence=*/33);
  }
}

TEST_CASE("ledger: published decoders at their real sizes, from their numbers of parameters") {
  for (const std::string& name : kTextPresets) {
    CAPTURE(name);
    const decoder::LlamaConfig c = decoder::preset(name).value();
    const auto head = static_cast<double>(c.hidden * c.vocab);
    const auto pairs = static_cast<double>(c.layers * c.heads * c.head_dim);  // scores, and values
    CHECK(model_flops(c, {.sequence = 1, .logits = 1}).all().forward ==
          doctest::Approx(2 * (matmul_parameters(c) + head) + 4 * pairs).epsilon(1e-12));
  }
}

fusion::MllamaConfig scaled_down(fusion::MllamaConfig config) {
  config.vision.hidden = 32;
  config.vision.layers = 4;
  config.vision.global_layers = 2;
  config.vision.ffn_hidden = 36;
  config.vision.image_size = 42;
  config.vision.intermediate_layers = {1, 3};
  config.preprocessor.tile_size = 42;
  config.decoder.hidden /= 64;
  config.decoder.ffn_hidden /= 64;
  config.decoder.head_dim = 4;
  config.decoder.layers = 4;
  config.decoder.vocab = 50;
  config.cross_attention_layers = {1, 4};
  config.image_token_id = 50;
  config.pad_token_id = 51;
  return config;
}

/// A picture of `used` tiles, and a sequence that sees it from its third position on.
double counted_mllama_step(fusion::MllamaModel& model, const std::vector<int64_t>& used,
                           int64_t sequence, bool trains) {
  const fusion::MllamaConfig& config = model->config();
  const auto pictures = static_cast<int64_t>(used.size());
  const int64_t size = config.vision.image_size,
                memory = config.vision.max_tiles * config.vision.patches();
  vision::MllamaImages images;
  images.num_tiles = used;
  images.aspect_ratio_ids.assign(used.size(), 1);
  images.pixel_values = at::zeros({pictures, config.vision.max_tiles, 3, size, size});
  const FlopCounter counter;
  const fusion::MllamaImageFeatures features = model->encode_images(images);
  const fusion::Memory remembered{features.tokens.reshape({pictures, memory, -1}),
                                  at::ones({pictures, sequence, memory}, at::kBool)};
  const Tensor ids = at::zeros({pictures, sequence}, at::kLong);
  decoder::DecoderInputs inputs;
  inputs.embeddings = model->language_model->embed(ids);
  inputs.position_ids = ids;
  inputs.cross_attention =
      decoder::CrossAttention{model->cross_attention.ptr(), remembered.tokens, remembered.mask};
  const Tensor logits = model->language_model->forward(inputs);
  if (trains) logits.sum().backward();
  CHECK(counter.uncounted().empty());
  return counter.total();
}

void check_mllama(const fusion::MllamaConfig& config) {
  fusion::MllamaModel model(config);
  constexpr int64_t kSequence = 9;
  const int64_t memory = config.vision.max_tiles * config.vision.patches();
  for (const std::vector<int64_t>& used :
       {std::vector<int64_t>{1}, std::vector<int64_t>{4}, std::vector<int64_t>{3, 2}}) {
    const auto pictures = static_cast<int64_t>(used.size());
    const BatchShape shape{.batch = pictures,
                           .sequence = kSequence,
                           .memory = memory,
                           .new_memory = memory,
                           .logits = pictures * kSequence};
    const std::vector<TrainedParts> stages = {
        {},
        {.cross_attention = true},
        kPretrainedParts,
        {.encoder = true, .projector = true, .cross_attention = true, .decoder = true}};
    for (const TrainedParts& trained : stages) {
      CAPTURE(trained.encoder);
      CAPTURE(trained.any());
      for (const auto& item : model->named_parameters()) {
        const std::string& name = item.key();
        item.value().set_requires_grad(
            name.starts_with("vision_model.")            ? trained.encoder
            : name.starts_with("multi_modal_projector.") ? trained.projector
            : name.starts_with("cross_attention.")       ? trained.cross_attention
                                                         : trained.decoder);
      }
      CHECK(model_flops(config, shape, used, {.trained = trained}).all().total() ==
            counted_mllama_step(model, used, kSequence, trained.any()));
    }
  }
}

TEST_CASE("ledger: every product of Llama 3.2 Vision, its shapes scaled down") {
  for (const std::string& name : fusion::mllama_preset_names()) {
    CAPTURE(name);
    check_mllama(scaled_down(fusion::mllama_preset(name).value()));
  }
}

TEST_CASE("flop counter: one at a time; nothing is counted twice or after its end") {
  const Tensor a = at::ones({3, 4}), b = at::ones({4, 5});
  {
    const FlopCounter counter;
    CHECK_THROWS_AS(FlopCounter(), c10::Error);
    at::matmul(a, b);
    CHECK(counter.total() == 2 * 3 * 4 * 5);
    at::linear(a, b.t(), at::ones({5}));
    CHECK(counter.total() == 2 * 2 * 3 * 4 * 5);
    at::mv(a, at::ones({4}));
    CHECK(counter.total() == 2 * 2 * 3 * 4 * 5 + 2 * 3 * 4);
    const double before = counter.total();
    at::conv1d(at::ones({1, 2, 8}), at::ones({5, 2, 3}));
    CHECK(counter.total() == before + 2 * 6 * (5 * 2 * 3));
    at::conv_transpose1d(at::ones({1, 2, 8}), at::ones({2, 5, 3}));
    CHECK(counter.total() == before + 2 * 6 * (5 * 2 * 3) + 2 * 8 * (2 * 5 * 3));
    at::_addmm_activation(at::ones({5}), a, b);
    CHECK_FALSE(counter.uncounted().empty());
  }
  const FlopCounter fresh;
  CHECK(fresh.total() == 0);
}

}  // namespace
}  // namespace nvlm::experiments
