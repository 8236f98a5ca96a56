#include "chat/chat_model.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "decoder/checkpoint.h"

namespace nvlm::chat {

ChatModel::ChatModel(const std::filesystem::path& dir, std::vector<int64_t> stop_tokens)
    : tokenizer_(decoder::Tokenizer::from_file(dir / "tokenizer.json")) {
  const auto defaults = decoder::load_generation_config(dir, std::move(stop_tokens));
  stop_tokens_ = defaults.eos_token_ids;
  sampling_ = defaults.sampling;
}

void ChatModel::add_stop_token(std::string_view token) {
  const int64_t id = tokenizer_.id(token);
  if (std::find(stop_tokens_.begin(), stop_tokens_.end(), id) == stop_tokens_.end()) {
    stop_tokens_.push_back(id);
  }
}

decoder::Generation ChatModel::answer(std::span<const Conversation> conversations,
                                      decoder::GenerationConfig config,
                                      const decoder::TokenCallback& on_token,
                                      const decoder::LogitsHook& hook) {
  const c10::InferenceMode inference;
  const decoder::DecoderInputs prompt = prepare(conversations);
  const int64_t length = prompt.embeddings.size(1);
  const int64_t context = decoder().config().max_position_embeddings;
  if (length >= context) {
    throw std::invalid_argument("chat: the prompt has " + std::to_string(length) +
                                " tokens, expected fewer than the model's context of " +
                                std::to_string(context));
  }
  config.max_new_tokens = std::min(config.max_new_tokens, context - length);
  config.eos_token_ids.insert(config.eos_token_ids.end(), stop_tokens_.begin(), stop_tokens_.end());
  return decoder::generate(decoder(), prompt, config, on_token, hook);
}

}  // namespace nvlm::chat
