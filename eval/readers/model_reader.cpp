#include "eval/readers/model_reader.h"

#include <c10/core/InferenceMode.h>

#include "common/device.h"
#include "decoder/checkpoint.h"
#include "decoder/generation.h"
#include "eval/table/gfm_parser.h"
#include "fusion/multimodal_checkpoint.h"
#include "vision/preprocessor.h"

namespace nvlm::eval {

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
}

std::vector<TableReading> ModelReader::read(std::span<const Tensor> images) {
  std::vector<TableReading> readings;
  for (std::string& text : answer(images)) {
    TableReading& reading = readings.emplace_back(std::move(text));
    if (auto gfm = parse_gfm_table(reading.text)) reading.table = std::move(gfm->table);
  }
  return readings;
}

std::vector<std::string> ModelReader::answer(std::span<const Tensor> images,
                                             const decoder::TokenCallback& on_token) {
  const c10::InferenceMode inference;
  std::vector<Tensor> pixel_values;
  std::vector<fusion::Prompt> prompts;
  for (const Tensor& image : images) {
    vision::PreprocessedImage picture = vision::preprocess(image, preprocessor_);
    pixel_values.push_back(std::move(picture.pixel_values));
    prompts.push_back(prompts_.build(options_.question, {picture.layout}));
  }
  const auto dtype = model_->language_model->model->embed_tokens->weight.scalar_type();
  const fusion::PromptBatch batch = fusion::collate(std::move(prompts), /*pad_id=*/0).to(device_);
  const vision::TileFeatures features{
      model_->encode_tiles(at::cat(pixel_values).to(device_, dtype)), batch.tile_refs()};
  decoder::GenerationConfig generation;
  generation.max_new_tokens = options_.max_new_tokens;
  generation.eos_token_ids = stop_tokens_;
  const decoder::Generation result = model_->generate(batch, features, generation, on_token);
  std::vector<std::string> texts;
  texts.reserve(result.tokens.size());
  for (const std::vector<int64_t>& tokens : result.tokens)
    texts.push_back(tokenizer_.decode(tokens));
  return texts;
}

}  // namespace nvlm::eval
