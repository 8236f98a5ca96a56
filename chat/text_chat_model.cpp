#include "chat/text_chat_model.h"

#include <array>
#include <ctime>
#include <stdexcept>
#include <utility>

#include "chat/placement.h"
#include "common/error.h"
#include "decoder/checkpoint.h"
#include "decoder/padded_rows.h"

namespace nvlm::chat {
namespace {

/// "26 Jul 2024", in English whatever the locale.
std::string today() {
  constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t now = std::time(nullptr);
  std::tm date = {};
  localtime_r(&now, &date);
  const std::string day = std::to_string(date.tm_mday);
  return (day.size() < 2 ? "0" : "") + day + " " + kMonths[static_cast<size_t>(date.tm_mon)] + " " +
         std::to_string(1900 + date.tm_year);
}

decoder::LlamaForCausalLM load_text_model(const std::filesystem::path& dir,
                                          const ChatModelOptions& options) {
  if (options.max_tiles != 0) {
    throw UsageError("'" + dir.string() + "' is a text model: max_tiles is " +
                     std::to_string(options.max_tiles) + ", expected 0");
  }
  decoder::LlamaForCausalLM model = decoder::load_llama(dir, placement(options));
  model->eval();
  return model;
}

}  // namespace

TextChatModel::TextChatModel(const std::filesystem::path& dir, const ChatModelOptions& options)
    : TextChatModel(dir, options, load_text_model(dir, options)) {}

TextChatModel::TextChatModel(const std::filesystem::path& dir, const ChatModelOptions& options,
                             decoder::LlamaForCausalLM model)
    : ChatModel(dir, model->config().eos_token_ids),
      model_(std::move(model)),
      device_(model_->model->embed_tokens->weight.device()) {
  if (options.complete) return;
  chat_ = decoder::read_chat_template(dir, today());
  if (chat_) add_stop_token(chat_->stop);
}

std::vector<int64_t> TextChatModel::prompt_ids(const Conversation& conversation) const {
  if (!conversation.images.empty()) {
    throw std::invalid_argument("chat: a picture was given to a text model, which cannot see it");
  }
  if (chat_) {
    return tokenizer().encode(decoder::chat_text(*chat_, conversation.messages, true));
  }
  decoder::validate(conversation.messages);
  if (conversation.messages.size() != 1) {
    throw std::invalid_argument("chat: " + std::to_string(conversation.messages.size()) +
                                " messages for a model without a chat template, expected one text "
                                "to go on from");
  }
  return tokenizer().encode(conversation.messages[0].text, /*add_special_tokens=*/true);
}

decoder::DecoderInputs TextChatModel::prepare(std::span<const Conversation> conversations) {
  std::vector<std::vector<int64_t>> prompts;
  for (const Conversation& conversation : conversations) {
    prompts.push_back(prompt_ids(conversation));
    if (prompts.back().empty()) throw std::invalid_argument("chat: the prompt is empty");
  }
  const Tensor ids =
      decoder::padded_rows(prompts, /*padding=*/0,
                           [](const std::vector<int64_t>& prompt, size_t t) { return prompt[t]; });
  return model_->text_inputs(ids.to(device_), decoder::real_positions(prompts).to(device_));
}

}  // namespace nvlm::chat
