// NVLM-D, -X and -H, ours and published, and InternVL: pictures in tiles.
#pragma once

#include "chat/chat_model.h"
#include "fusion/multimodal_model.h"

namespace nvlm::chat {

class TiledChatModel : public ChatModel {
 public:
  /// throws  as load_chat_model
  TiledChatModel(const std::filesystem::path& dir, const ChatModelOptions& options);

  decoder::DecoderInputs prepare(std::span<const Conversation> conversations) override;
  decoder::LlamaForCausalLMImpl& decoder() override { return *model_->language_model; }

 private:
  TiledChatModel(const std::filesystem::path& dir, const ChatModelOptions& options,
                 fusion::MultimodalModel model);

  fusion::MultimodalModel model_;
  fusion::PromptBuilder prompts_;
  vision::PreprocessorConfig preprocessor_;
};

}  // namespace nvlm::chat
