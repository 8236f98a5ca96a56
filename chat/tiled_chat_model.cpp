#include "chat/tiled_chat_model.h"

#include <utility>

#include "chat/placement.h"
#include "fusion/multimodal_checkpoint.h"
#include "vision/preprocessor.h"

namespace nvlm::chat {
TiledChatModel::TiledChatModel(const std::filesystem::path& dir, const ChatModelOptions& options)
    : TiledChatModel(dir, options, fusion::load_multimodal(dir, placement(options))) {}

TiledChatModel::TiledChatModel(const std::filesystem::path& dir, const ChatModelOptions& options,
                               fusion::MultimodalModel model)
    : ChatModel(dir, model->config().decoder.eos_token_ids),
      model_(std::move(model)),
      prompts_(tokenizer(), model_->config().prompt()),
      preprocessor_(model_->config().preprocessor) {
  add_stop_token(prompts_.config().format.chat.stop);
  if (options.max_tiles > 0) {
    preprocessor_.tiling = vision::with_max_tiles(preprocessor_.tiling, options.max_tiles);
  }
}

decoder::DecoderInputs TiledChatModel::prepare(std::span<const Conversation> conversations) {
  std::vector<Tensor> pixel_values;
  std::vector<fusion::Prompt> prompts;
  for (const Conversation& conversation : conversations) {
    std::vector<vision::ImageLayout> layouts;
    for (const Tensor& image : conversation.images) {
      vision::PreprocessedImage picture = vision::preprocess(image, preprocessor_);
      pixel_values.push_back(std::move(picture.pixel_values));
      layouts.push_back(picture.layout);
    }
    prompts.push_back(prompts_.build(conversation.messages, layouts));
  }
  const Tensor& weight = decoder().model->embed_tokens->weight;
  const fusion::PromptBatch batch =
      fusion::collate(std::move(prompts), /*pad_id=*/0).to(weight.device());
  vision::TileFeatures features;
  if (!pixel_values.empty()) {
    const Tensor tiles = at::cat(pixel_values).to(weight.device(), weight.scalar_type());
    features = {model_->encode_tiles(tiles), batch.tile_refs()};
  }
  return model_->fuse(batch, features);
}

}  // namespace nvlm::chat
