#include "chat/mllama_chat_model.h"

#include <stdexcept>
#include <utility>

#include "chat/placement.h"
#include "common/error.h"
#include "fusion/mllama_checkpoint.h"
#include "fusion/mllama_prompt.h"

namespace nvlm::chat {
namespace {

fusion::MllamaModel load_mllama_model(const std::filesystem::path& dir,
                                      const ChatModelOptions& options) {
  if (options.max_tiles != 0) {
    throw UsageError("'" + dir.string() + "': max_tiles is " + std::to_string(options.max_tiles) +
                     ", expected 0 for Llama 3.2 Vision: its positions are made for the "
                     "grids of its checkpoint");
  }
  const decoder::PlaceModel place = placement(options);
  return fusion::load_mllama(dir, fusion::read_mllama_config(dir), place);
}

}  // namespace

MllamaChatModel::MllamaChatModel(const std::filesystem::path& dir, const ChatModelOptions& options)
    : MllamaChatModel(dir, load_mllama_model(dir, options)) {}

MllamaChatModel::MllamaChatModel(const std::filesystem::path& dir, fusion::MllamaModel model)
    : ChatModel(dir, model->config().decoder.eos_token_ids),
      model_(std::move(model)),
      prompts_(tokenizer(), model_->config().image_token_id) {
  add_stop_token("<|eot_id|>");
}

decoder::DecoderInputs MllamaChatModel::prepare(std::span<const Conversation> conversations) {
  const fusion::MllamaConfig& config = model_->config();
  std::vector<vision::MllamaImage> images;
  std::vector<fusion::MllamaPrompt> prompts;
  for (const Conversation& conversation : conversations) {
    for (const Tensor& image : conversation.images) {
      images.push_back(vision::preprocess_mllama(image, config.preprocessor));
    }
    prompts.push_back(prompts_.build(conversation.messages));
  }
  const auto batch = fusion::collate_mllama(std::move(prompts), config.pad_token_id)
                         .to(decoder().model->embed_tokens->weight.device());
  fusion::MllamaImageFeatures features;
  if (!images.empty()) features = model_->encode_images(vision::stack_images(images));
  return model_->fuse(batch, features);
}

}  // namespace nvlm::chat
