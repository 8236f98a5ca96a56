// Prompts of Llama 3.2 Vision: a picture is one token of the text, and what follows it may look.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "common/tensor.h"
#include "decoder/chat_template.h"
#include "decoder/language_model_loss.h"
#include "decoder/tokenizer/tokenizer.h"

namespace nvlm::fusion {

/// Positions begin .. end - 1 of a sequence.
struct TextRange {
  int64_t begin = 0, end = 0;

  bool operator==(const TextRange&) const = default;
};

/// For each picture of a sequence the text that sees it: from its token up to the next picture's,
/// the last one's up to the end. Pictures that follow one another without text in between are seen
/// by the same text.
/// source  transformers, get_cross_attention_token_mask; Llama 3.2, create_vision_mask
std::vector<TextRange> ranges_that_see(const std::vector<int64_t>& ids, int64_t image_token_id);

/// One sample.
struct MllamaPrompt {
  std::vector<int64_t> ids;
  std::vector<int64_t> labels;     // the answer and its end token, elsewhere -100; unshifted
  std::vector<TextRange> seen_by;  // by picture
  int64_t answer_begin = 0;  // position of the answer's first token, or the length without one

  int64_t size() const { return static_cast<int64_t>(ids.size()); }
  int64_t num_images() const { return static_cast<int64_t>(seen_by.size()); }
};

/// Writes prompts in Llama 3's chat format, without a system turn of its own. Safe to share between
/// threads.
class MllamaPromptBuilder {
 public:
  /// tokenizer  must outlive the builder
  /// throws     std::invalid_argument unless <|image|> is one token with this id
  MllamaPromptBuilder(const decoder::Tokenizer& tokenizer, int64_t image_token_id);

  /// answer  absent: a prompt to generate from
  /// throws  std::invalid_argument as decoder::validate, or if markers and pictures of a turn
  ///         differ in number, or a text holds <|image|> itself
  MllamaPrompt build(std::span<const decoder::Message> conversation,
                     std::optional<std::string_view> answer = std::nullopt) const;

  /// The same for one question.
  MllamaPrompt build(std::string_view question, int64_t num_images,
                     std::optional<std::string_view> answer = std::nullopt) const;

 private:
  const decoder::Tokenizer* tokenizer_;
  int64_t image_token_id_;
  decoder::ChatTemplate chat_ = decoder::chat_template("llama3");
};

/// Prompts of a batch, padded on the right.
struct MllamaPromptBatch {
  Tensor ids;                         // [batch, seq], int64
  Tensor attention_mask;              // [batch, seq], bool, true = real token
  Tensor labels;                      // [batch, seq], int64, unshifted
  std::vector<MllamaPrompt> samples;  // as they were

  int64_t size() const { return static_cast<int64_t>(samples.size()); }
  int64_t num_images() const;  // of all samples
  /// The same batch with its tensors on another device.
  MllamaPromptBatch to(at::Device device) const;
};

/// pad_id  what `ids` holds behind the end of a sample; nothing ever attends to it
/// throws  std::invalid_argument for an empty batch
MllamaPromptBatch collate_mllama(std::vector<MllamaPrompt> prompts, int64_t pad_id);

}  // namespace nvlm::fusion
