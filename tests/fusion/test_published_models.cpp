// NVLM-D and InternVL 2.5 from their own folders: prompt ids, logits, greedy text, loss, gradients.
#include "common/safetensors.h"
#include "decoder/language_model_loss.h"
#include "fusion/multimodal_checkpoint.h"
#include "tests/fusion/tiny_lab.h"
#include "tests/support/golden.h"

namespace nvlm::fusion {
namespace {

using namespace nvlm::test;

constexpr Tolerance kLogits = {2e-4, 1e-4};  // the cases' own

struct Published {
  Published(const char* name, const vision::ImageLayout& layout)
      : folder(golden(name)),
        layout(layout),
        inputs(SafetensorsFile::open(folder / "inputs.safetensors")),
        expected(SafetensorsFile::open(folder / "expected.safetensors")),
        tokenizer(decoder::Tokenizer::from_file(folder / "tokenizer.json")),
        model(load_multimodal(folder)),
        builder(tokenizer, model->config().prompt()) {}

  PromptBatch prompts() const {
    return collate({builder.build("What is written in the picture?", {layout})}, 0);
  }
  vision::TileFeatures features(const PromptBatch& prompts) {
    return {model->encode_tiles(inputs.tensor("pixel_values")), prompts.tile_refs()};
  }

  std::filesystem::path folder;
  vision::ImageLayout layout;
  SafetensorsFile inputs, expected;
  decoder::Tokenizer tokenizer;
  MultimodalModel model;
  PromptBuilder builder;
};

/// Answers by id, as the cases give them; they need not end.
Prompt answered(Prompt prompt, const Tensor& labels) {
  for (int64_t t = 0; t < labels.size(0); ++t) {
    const auto label = labels[t].item<int64_t>();
    if (label == kIgnoredLabel) continue;
    prompt.ids.push_back(label);
    prompt.tile.push_back(kNoTile);
    prompt.is_slot.push_back(false);
    prompt.labels.push_back(label);
  }
  return prompt;
}

/// A picture and a text in one batch, everything trained.
void check_training_batch(const char* name, const vision::ImageLayout& layout) {
  CAPTURE(name);
  constexpr Tolerance kGradients = {2e-4, 1e-3};
  Published published(name, layout);
  const Tensor labels = published.inputs.tensor("batch.labels");
  const PromptBatch prompts =
      collate({answered(published.prompts().samples[0], labels[0]),
               answered(published.builder.build("Which colour is the box?", {}), labels[1])},
              0);
  const Tensor real = prompts.attention_mask;
  CHECK(at::equal(prompts.ids.masked_select(real),
                  published.inputs.tensor("batch.input_ids").masked_select(real)));

  const Tensor hidden = published.model->hidden_states(prompts, published.features(prompts));
  const Tensor loss =
      decoder::language_model_loss(published.model->language_model, hidden, prompts.labels).mean();
  check_close(loss.view({1}), published.expected.tensor("batch.loss"), kLogits);
  loss.backward();
  int64_t compared = 0;
  for (const auto& weight : published.model->named_parameters()) {
    const std::string stored = "batch.grad." + weight.key();
    if (!published.expected.contains(stored)) continue;
    CAPTURE(stored);
    check_close(weight.value().grad(), published.expected.tensor(stored), kGradients);
    ++compared;
  }
  CHECK(compared == 7);
}

void check_published(const char* name, const vision::ImageLayout& layout) {
  CAPTURE(name);
  Published published(name, layout);
  const PromptBatch prompts = published.prompts();
  CHECK(at::equal(prompts.ids, published.inputs.tensor("prompt.input_ids")));

  const at::NoGradGuard no_grad;
  const vision::TileFeatures features = published.features(prompts);
  check_close(published.model->fuse(prompts, features).embeddings,
              published.expected.tensor("llm.input_embeds"), kLogits);
  const Tensor hidden = published.model->hidden_states(prompts, features);
  check_close(published.model->logits(hidden), published.expected.tensor("logits"), kLogits);

  decoder::GenerationConfig config;
  config.max_new_tokens = 24;
  const auto generated = published.model->generate(prompts, features, config);
  CHECK(at::equal(at::tensor(generated.tokens[0]), published.expected.tensor("gen.tokens")[0]));
}

TEST_CASE("parity: loss and gradients of a training batch, through fusion into the encoder") {
  check_training_batch("07b_nvlm_d", grid(2, 1));
  check_training_batch("07a_internvl_chat", grid(2, 3));
}

TEST_CASE("parity: NVLM-D as released, 3 tiles with tags") {
  check_published("07b_nvlm_d", grid(2, 1));
}

TEST_CASE("parity: InternVL 2.5, 7 tiles without tags") {
  check_published("07a_internvl_chat", grid(2, 3));
}

TEST_CASE("parity: the same as saved by Hugging Face's native port") {
  check_published("07c_internvl_native", grid(2, 3));
}

}  // namespace
}  // namespace nvlm::fusion
