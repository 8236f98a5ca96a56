#include "eval/readers/model_reader.h"

#include <c10/core/InferenceMode.h>

#include "common/device.h"
#include "decoder/checkpoint.h"
#include "decoder/generation.h"
#include "decoder/tokenizer/stream_decoder.h"
#include "eval/table/gfm_parser.h"
#include "fusion/multimodal_checkpoint.h"
#include "vision/preprocessor.h"

namespace nvlm::eval {
namespace {

/// Token by token, so that it is known which of them wrote what.
Answer write_answer(const decoder::Tokenizer& tokenizer, const std::vector<int64_t>& tokens,
                    const std::vector<float>& log_probabilities) {
  Answer answer;
  decoder::StreamDecoder stream(tokenizer);
  for (size_t i = 0; i < tokens.size(); ++i) {
    const size_t begin = answer.text.size();
    answer.text += stream.push(tokens[i]);
    answer.tokens.push_back({{begin, answer.text.size()}, log_probabilities[i]});
  }
  answer.text += stream.flush();
  return answer;
}

}  // namespace

ModelReader::ModelReader(const std::filesystem::path& folder, const ModelReaderOptions& options)
    : options_(options),
      name_(std::filesystem::weakly_canonical(folder).filename().string()),
      device_(parse_device(options.device)),
      model_(fusion::load_multimodal(folder, compute_dtype(device_, options.dtype))),
      tokenizer_(decoder::Tokenizer::from_file(folder / "tokenizer.json")),
      prompts_(tokenizer_, model_->config().prompt()),
      preprocessor_(model_->config().preprocessor),
      stop_tokens_{tokenizer_.id(prompts_.config().format.answer_close)} {
  model_->to(device_);
  if (options_.max_tiles > 0) preprocessor_.tiling.max_tiles = options_.max_tiles;
  for (const int64_t id : model_->config().decoder.eos_token_ids) stop_tokens_.push_back(id);
  if (options_.structure == AnswerStructure::kRectangular) {
    vocabulary_.emplace(tokenizer_, stop_tokens_);
    name_ += " rectangular";
  }
}

std::vector<TableReading> ModelReader::read(std::span<const Tensor> images) {
  std::vector<TableReading> readings;
  for (Answer& answer : answer(images)) {
    TableReading& reading = readings.emplace_back(std::move(answer.text));
    if (auto gfm = parse_gfm_table(reading.text)) {
      set_cell_probabilities(*gfm, answer.tokens);
      reading.table = std::move(gfm->table);
    }
  }
  return readings;
}

std::vector<Answer> ModelReader::answer(std::span<const Tensor> images,
                                        const decoder::TokenCallback& on_token) {
  return answer(images, std::vector<std::string>(images.size(), options_.question), on_token);
}

std::vector<Answer> ModelReader::answer(std::span<const Tensor> images,
                                        std::span<const std::string> questions,
                                        const decoder::TokenCallback& on_token) {
  const c10::InferenceMode inference;
  std::vector<Tensor> pixel_values;
  std::vector<fusion::Prompt> prompts;
  for (size_t i = 0; i < images.size(); ++i) {
    vision::PreprocessedImage picture = vision::preprocess(images[i], preprocessor_);
    pixel_values.push_back(std::move(picture.pixel_values));
    prompts.push_back(prompts_.build(questions[i], {picture.layout}));
  }
  const auto dtype = model_->language_model->model->embed_tokens->weight.scalar_type();
  const fusion::PromptBatch batch = fusion::collate(std::move(prompts), /*pad_id=*/0).to(device_);
  const vision::TileFeatures features{
      model_->encode_tiles(at::cat(pixel_values).to(device_, dtype)), batch.tile_refs()};
  decoder::GenerationConfig generation;
  generation.max_new_tokens = options_.max_new_tokens;
  generation.eos_token_ids = stop_tokens_;
  generation.sampling = options_.sampling;
  std::optional<TableConstraint> constraint;
  if (vocabulary_) {
    constraint.emplace(*vocabulary_, batch.size(), options_.max_new_tokens);
  }
  const decoder::Generation result = model_->generate(
      batch, features, generation,
      [&](int64_t sample, int64_t token) {
        if (constraint) constraint->push(sample, token);
        if (on_token) on_token(sample, token);
      },
      constraint ? constraint->hook() : decoder::LogitsHook{});
  std::vector<Answer> answers;
  for (size_t i = 0; i < result.tokens.size(); ++i) {
    answers.push_back(write_answer(tokenizer_, result.tokens[i], result.log_probabilities[i]));
  }
  return answers;
}

}  // namespace nvlm::eval
