// Conversations as the text that chat models were trained on.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nvlm::decoder {

enum class Role { kSystem, kUser, kAssistant };

/// One turn of a conversation.
struct Message {
  Role role = Role::kUser;
  std::string text;  // UTF-8
  /// Pictures of this turn. "<image>" in the text marks where each stands; without any marker they
  /// come first. Only a user shows pictures.
  int64_t num_images = 0;
};

/// What stands around the turns of one role.
struct TurnMarks {
  std::string open, close;
};

/// The words of a chat format, as the templates of published models write them.
struct ChatTemplate {
  std::string begin;  // of a conversation
  TurnMarks system, user, assistant;
  std::string separator;    // after every turn
  std::string answer_open;  // what a model goes on from
  std::string stop;         // the token that ends an answer
  /// What the system says if the conversation does not begin with a system turn.
  std::optional<std::string> default_system = std::nullopt;
  std::string system_preface = {};   // stands before whatever the system says
  bool trims = false;                // blanks around what people say are dropped
  bool system_in_user_turn = false;  // Llama 2: inside the first user turn
};

/// Throws std::invalid_argument unless roles alternate: at most one system turn, first; then user
/// and assistant in turns, beginning with the user; pictures only from the user.
void validate(std::span<const Message> conversation);

/// Part of a conversation's text.
struct ChatPiece {
  std::string text;
  /// The message that somebody said it in; -1 for the template's own words.
  int64_t message = -1;
};

/// The whole text in pieces.
/// answer_follows  append what a model goes on from
/// throws          std::invalid_argument as validate()
std::vector<ChatPiece> chat_pieces(const ChatTemplate& chat, std::span<const Message> conversation,
                                   bool answer_follows);

/// The pieces joined.
std::string chat_text(const ChatTemplate& chat, std::span<const Message> conversation,
                      bool answer_follows);

/// "llama2", "llama3", "chatml" (without a system turn), "qwen2", "qwen2_5", "nvlm_d",
/// "internvl2_5". throws  std::invalid_argument listing the names source  the chat templates and
/// conversation files of these models
ChatTemplate chat_template(std::string_view name);

/// The format of a text checkpoint, recognised by the marks that its template holds
/// (chat_template in tokenizer_config.json, or chat_template.jinja); nothing for a base model.
/// differs: templates are not executed, so those with marks of none of the families are refused;
///          tools are not supported
/// today    for templates that tell the date, such as "26 Jul 2024"
/// throws   std::runtime_error naming the file
std::optional<ChatTemplate> read_chat_template(const std::filesystem::path& dir,
                                               const std::string& today);

}  // namespace nvlm::decoder
