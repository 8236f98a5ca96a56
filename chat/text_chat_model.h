// Llama, Qwen2 and GPT-2 alone.
#pragma once

#include <optional>

#include "chat/chat_model.h"

namespace nvlm::chat {

/// Answers by its chat template; without one it goes on from what the user says, behind the tokens
/// that begin a text (<|begin_of_text|> in Llama 3, nothing in Qwen2).
class TextChatModel : public ChatModel {
 public:
  /// throws  as load_chat_model
  TextChatModel(const std::filesystem::path& dir, const ChatModelOptions& options);

  decoder::DecoderInputs prepare(std::span<const Conversation> conversations) override;
  decoder::LlamaForCausalLMImpl& decoder() override { return *model_; }
  bool has_turns() const override { return chat_.has_value(); }
  bool sees() const override { return false; }

 private:
  TextChatModel(const std::filesystem::path& dir, const ChatModelOptions& options,
                decoder::LlamaForCausalLM model);

  std::vector<int64_t> prompt_ids(const Conversation& conversation) const;

  decoder::LlamaForCausalLM model_;
  std::optional<decoder::ChatTemplate> chat_;
  c10::Device device_;
};

}  // namespace nvlm::chat
