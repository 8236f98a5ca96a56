// Llama 3.2 Vision.
#pragma once

#include "chat/chat_model.h"
#include "fusion/mllama_model.h"

namespace nvlm::chat {

class MllamaChatModel : public ChatModel {
 public:
  /// throws  as load_chat_model
  MllamaChatModel(const std::filesystem::path& dir, const ChatModelOptions& options);

  decoder::DecoderInputs prepare(std::span<const Conversation> conversations) override;
  decoder::LlamaForCausalLMImpl& decoder() override { return *model_->language_model; }

 private:
  MllamaChatModel(const std::filesystem::path& dir, fusion::MllamaModel model);

  fusion::MllamaModel model_;
  fusion::MllamaPromptBuilder prompts_;
};

}  // namespace nvlm::chat
