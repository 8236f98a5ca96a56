#include "fusion/mllama_prompt.h"

#include <stdexcept>
#include <string>

#include "decoder/padded_rows.h"
#include "fusion/image_markers.h"

namespace nvlm::fusion {
namespace {

constexpr std::string_view kImageToken = "<|image|>";

/// What a message says, with the image token where each of its pictures stands.
std::string with_image_tokens(const std::string& text, int64_t num_images) {
  if (text.find(kImageToken) != std::string::npos) {
    throw std::invalid_argument(
        "fusion.prompt: the question holds <|image|>, expected <image> for a picture's place");
  }
  std::string result;
  for (const std::string& piece : pieces_around_images(text, num_images, "")) {
    result.append(piece).append(kImageToken);
  }
  return result.substr(0, result.size() - kImageToken.size());  // pieces stand around the pictures
}

}  // namespace

std::vector<TextRange> ranges_that_see(const std::vector<int64_t>& ids, int64_t image_token_id) {
  std::vector<TextRange> ranges;
  const auto length = static_cast<int64_t>(ids.size());
  for (int64_t position = 0; position < length; ++position) {
    if (ids[static_cast<size_t>(position)] == image_token_id) ranges.push_back({position, length});
  }
  for (size_t i = ranges.size(); i-- > 1;) {
    const bool are_neighbours = ranges[i - 1].begin + 1 == ranges[i].begin;
    ranges[i - 1].end = are_neighbours ? ranges[i].end : ranges[i].begin;
  }
  return ranges;
}

MllamaPromptBuilder::MllamaPromptBuilder(const decoder::Tokenizer& tokenizer,
                                         int64_t image_token_id)
    : tokenizer_(&tokenizer), image_token_id_(image_token_id) {
  const auto found = tokenizer.find(kImageToken);
  if (found == image_token_id) return;
  throw std::invalid_argument("fusion.prompt: the tokenizer gives <|image|> " +
                              (found ? "the id " + std::to_string(*found) : std::string("no id")) +
                              ", expected " + std::to_string(image_token_id));
}

MllamaPrompt MllamaPromptBuilder::build(std::string_view question, int64_t num_images,
                                        std::optional<std::string_view> answer) const {
  const decoder::Message message{.text = std::string(question), .num_images = num_images};
  return build(std::span(&message, 1), answer);
}

MllamaPrompt MllamaPromptBuilder::build(std::span<const decoder::Message> conversation,
                                        std::optional<std::string_view> answer) const {
  std::vector<decoder::Message> said(conversation.begin(), conversation.end());
  int64_t num_images = 0;
  for (decoder::Message& message : said) {
    message.text = with_image_tokens(message.text, message.num_images);
    num_images += message.num_images;
  }
  MllamaPrompt prompt;
  prompt.ids = tokenizer_->encode(decoder::chat_text(chat_, said, /*answer_follows=*/true));
  prompt.labels.assign(prompt.ids.size(), decoder::kIgnoredLabel);
  prompt.answer_begin = prompt.size();
  if (answer) {
    for (const int64_t id : tokenizer_->encode(std::string(*answer) + chat_.stop)) {
      prompt.ids.push_back(id);
      prompt.labels.push_back(id);
    }
  }
  prompt.seen_by = ranges_that_see(prompt.ids, image_token_id_);
  if (prompt.num_images() != num_images) {
    throw std::invalid_argument("fusion.prompt: the text holds " +
                                std::to_string(prompt.num_images()) + " tokens <|image|> for " +
                                std::to_string(num_images) + " pictures");
  }
  return prompt;
}

int64_t MllamaPromptBatch::num_images() const {
  int64_t images = 0;
  for (const MllamaPrompt& prompt : samples) images += prompt.num_images();
  return images;
}

MllamaPromptBatch MllamaPromptBatch::to(at::Device device) const {
  return {ids.to(device), attention_mask.to(device), labels.to(device), samples};
}

MllamaPromptBatch collate_mllama(std::vector<MllamaPrompt> prompts, int64_t pad_id) {
  if (prompts.empty()) throw std::invalid_argument("fusion.collate: the batch is empty");
  MllamaPromptBatch result;
  result.ids = decoder::padded_rows(
      prompts, pad_id, [](const MllamaPrompt& prompt, size_t t) { return prompt.ids[t]; });
  result.labels =
      decoder::padded_rows(prompts, decoder::kIgnoredLabel,
                           [](const MllamaPrompt& prompt, size_t t) { return prompt.labels[t]; });
  result.attention_mask = decoder::real_positions(prompts);
  result.samples = std::move(prompts);
  return result;
}

}  // namespace nvlm::fusion
