#include "experiments/ablations/reading_accuracy.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "eval/readers/model_reader.h"
#include "experiments/ablations/evaluate.h"
#include "experiments/ablations/held_out.h"
#include "vision/preprocessor.h"

namespace nvlm::experiments {
namespace {

constexpr int64_t kTablesAtOnce = 8;
constexpr int64_t kLongestReading = 512;  // tokens; an easy table has fewer than 300

}  // namespace

std::vector<double> reading_scores(fusion::MultimodalModel& model,
                                   const fusion::MultimodalConfig& config,
                                   const decoder::Tokenizer& tokenizer, int64_t items) {
  const c10::InferenceMode inference;
  const fusion::PromptBuilder builder(tokenizer, config.prompt());
  const Tensor weight = model->language_model->model->embed_tokens->weight;
  std::vector<double> scores;
  for (int64_t first = 0; first < items; first += kTablesAtOnce) {
    std::vector<std::string> truths;
    std::vector<Tensor> pixels;
    std::vector<fusion::Prompt> prompts;
    for (int64_t i = first; i < std::min(items, first + kTablesAtOnce); ++i) {
      const RenderedTable table = held_out_table(MixtureConfig{}, i);
      vision::PreprocessedImage picture = vision::preprocess(table.image, config.preprocessor);
      pixels.push_back(std::move(picture.pixel_values));
      prompts.push_back(builder.build(eval::kTableQuestion, {picture.layout}));
      truths.push_back(table.answer);
    }
    const fusion::PromptBatch batch =
        fusion::collate(std::move(prompts), /*pad_id=*/0).to(weight.device());
    decoder::GenerationConfig generation;
    generation.eos_token_ids = config.decoder.eos_token_ids;
    generation.max_new_tokens =
        std::min(kLongestReading, config.decoder.max_position_embeddings - batch.ids.size(1));
    if (generation.max_new_tokens < 1) {
      throw std::invalid_argument("a prompt of " + std::to_string(batch.ids.size(1)) +
                                  " tokens fills the model's context");
    }
    const Tensor tiles = at::cat(pixels).to(weight.device(), weight.scalar_type());
    const decoder::Generation answers =
        model->generate(batch, {model->encode_tiles(tiles), batch.tile_refs()}, generation);
    for (size_t i = 0; i < truths.size(); ++i) {
      std::vector<int64_t> tokens = answers.tokens[i];
      if (answers.finish_reasons[i] == decoder::FinishReason::kStopToken) tokens.pop_back();
      scores.push_back(answer_teds(tokenizer.decode(tokens), truths[i]));
    }
  }
  return scores;
}

}  // namespace nvlm::experiments
