#include "decoder/chat_template.h"

#include <stdexcept>
#include <utility>

#include "common/atomic_file.h"
#include "common/json.h"

namespace nvlm::decoder {
namespace {

constexpr const char* kChatWhere = "decoder.chat";

ChatTemplate chatml() {
  return {.begin = "",
          .system = {"<|im_start|>system\n", "<|im_end|>"},
          .user = {"<|im_start|>user\n", "<|im_end|>"},
          .assistant = {"<|im_start|>assistant\n", "<|im_end|>"},
          .separator = "\n",
          .answer_open = "<|im_start|>assistant\n",
          .stop = "<|im_end|>"};
}

ChatTemplate chatml_with_system(std::string default_system) {
  ChatTemplate chat = chatml();
  chat.default_system = std::move(default_system);
  return chat;
}

ChatTemplate llama3() {
  const auto header = [](const char* role) {
    return "<|start_header_id|>" + std::string(role) + "<|end_header_id|>\n\n";
  };
  return {.begin = "<|begin_of_text|>",
          .system = {header("system"), "<|eot_id|>"},
          .user = {header("user"), "<|eot_id|>"},
          .assistant = {header("assistant"), "<|eot_id|>"},
          .separator = "",
          .answer_open = header("assistant"),
          .stop = "<|eot_id|>",
          .trims = true};
}

ChatTemplate llama2() {
  return {.begin = "",
          .system = {"<<SYS>>\n", "\n<</SYS>>\n\n"},
          .user = {"<s>[INST] ", " [/INST]"},
          .assistant = {" ", " </s>"},
          .separator = "",
          .answer_open = "",
          .stop = "</s>",
          .trims = true,
          .system_in_user_turn = true};
}

ChatTemplate nvlm_d() {
  ChatTemplate chat = chatml_with_system("Answer the questions.");
  chat.separator = "";  // unlike ChatML elsewhere
  return chat;
}

constexpr const char* kQwen2System = "You are a helpful assistant.";
constexpr const char* kQwen25System =
    "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.";
constexpr const char* kInternVl25System =
    "你是书生·万象，英文名是InternVL，是由上海人工智能实验室、清华大学及多家合作单位联合开发的"
    "多模态大语言模型。";

std::string trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\n\v\f\r";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1));
}

const TurnMarks& marks(const ChatTemplate& chat, Role role) {
  switch (role) {
    case Role::kSystem:
      return chat.system;
    case Role::kUser:
      return chat.user;
    case Role::kAssistant:
      return chat.assistant;
  }
  throw std::logic_error("no such role");
}

/// The Jinja text of a folder's template; empty if it has none.
std::string stored_template(const std::filesystem::path& dir) {
  const std::filesystem::path own_file = dir / "chat_template.jinja";
  if (std::filesystem::exists(own_file)) return read_text_file(own_file);
  const std::filesystem::path path = dir / "tokenizer_config.json";
  if (!std::filesystem::exists(path)) return "";
  const Json json = read_json(path);
  const Json stored = json_get_or<Json>(json, "chat_template", Json(), path.string());
  if (stored.is_string()) return stored.get<std::string>();
  if (!stored.is_array()) return "";
  for (const Json& named : stored) {  // several; the one that is called default counts
    if (json_get_or(named, "name", "", path.string()) == std::string("default")) {
      return json_get<std::string>(named, "template", path.string());
    }
  }
  return "";
}

}  // namespace

void validate(std::span<const Message> conversation) {
  const auto refuse = [](size_t index, const std::string& why) {
    throw std::invalid_argument(std::string(kChatWhere) + ": message " + std::to_string(index + 1) +
                                " " + why);
  };
  const size_t first = !conversation.empty() && conversation[0].role == Role::kSystem ? 1 : 0;
  if (conversation.size() == first) {
    throw std::invalid_argument(std::string(kChatWhere) + ": no message of a user");
  }
  for (size_t i = 0; i < conversation.size(); ++i) {
    const Message& message = conversation[i];
    if (i >= first) {
      const Role expected = (i - first) % 2 == 0 ? Role::kUser : Role::kAssistant;
      if (message.role != expected) {
        refuse(i, std::string("is not the ") +
                      (expected == Role::kUser ? "user's" : "assistant's") +
                      ", expected user and assistant in turns");
      }
    }
    if (message.num_images < 0 || (message.num_images > 0 && message.role != Role::kUser)) {
      refuse(i, "has " + std::to_string(message.num_images) + " pictures, expected " +
                    (message.role == Role::kUser ? "0 or more" : "none"));
    }
  }
}

std::vector<ChatPiece> chat_pieces(const ChatTemplate& chat, std::span<const Message> conversation,
                                   bool answer_follows) {
  validate(conversation);
  const auto said = [&](const std::string& text) { return chat.trims ? trimmed(text) : text; };
  const bool has_system = conversation[0].role == Role::kSystem;
  std::vector<ChatPiece> pieces;
  const auto own = [&](const std::string& text) {
    if (!text.empty()) pieces.push_back({text});
  };
  own(chat.begin);

  std::optional<std::string> system = chat.default_system;
  if (has_system) system = conversation[0].text;
  if (!chat.system_preface.empty() && !system) system = "";
  if (system && !chat.system_in_user_turn) {
    own(chat.system.open);
    pieces.push_back({chat.system_preface + said(*system), has_system ? 0 : -1});
    own(chat.system.close + chat.separator);
  }
  for (size_t i = has_system ? 1 : 0; i < conversation.size(); ++i) {
    const Message& message = conversation[i];
    std::string text = message.text;
    if (chat.system_in_user_turn && system && i == (has_system ? 1U : 0U)) {
      text.insert(0, chat.system.open + *system + chat.system.close);
    }
    own(marks(chat, message.role).open);
    pieces.push_back({said(text), static_cast<int64_t>(i)});
    own(marks(chat, message.role).close + chat.separator);
  }
  if (answer_follows) own(chat.answer_open);
  return pieces;
}

std::string chat_text(const ChatTemplate& chat, std::span<const Message> conversation,
                      bool answer_follows) {
  std::string text;
  for (const ChatPiece& piece : chat_pieces(chat, conversation, answer_follows)) text += piece.text;
  return text;
}

ChatTemplate chat_template(std::string_view name) {
  if (name == "llama2") return llama2();
  if (name == "llama3") return llama3();
  if (name == "chatml") return chatml();
  if (name == "qwen2") return chatml_with_system(kQwen2System);
  if (name == "qwen2_5") return chatml_with_system(kQwen25System);
  if (name == "nvlm_d") return nvlm_d();
  if (name == "internvl2_5") return chatml_with_system(kInternVl25System);
  throw std::invalid_argument(std::string(kChatWhere) + ": template '" + std::string(name) +
                              "', expected llama2, llama3, chatml, qwen2, qwen2_5, nvlm_d or "
                              "internvl2_5");
}

std::optional<ChatTemplate> read_chat_template(const std::filesystem::path& dir,
                                               const std::string& today) {
  const std::string jinja = stored_template(dir);
  if (jinja.empty()) return std::nullopt;
  const auto holds = [&](std::string_view mark) { return jinja.find(mark) != std::string::npos; };
  if (holds("<|start_header_id|>")) {
    ChatTemplate chat = llama3();
    if (holds("Cutting Knowledge Date")) {  // Llama 3.1 and later; only some ask for the real date
      chat.system_preface = "Cutting Knowledge Date: December 2023\nToday Date: " +
                            (holds("strftime_now") ? today : "26 Jul 2024") + "\n\n";
    }
    return chat;
  }
  if (holds("<|im_start|>")) {
    if (holds(kQwen25System)) return chatml_with_system(kQwen25System);
    if (holds(kQwen2System)) return chatml_with_system(kQwen2System);
    return chatml();
  }
  if (holds("[INST]") && holds("<<SYS>>")) return llama2();
  throw std::runtime_error(
      "'" + dir.string() +
      "': its chat template has the marks of no known family, expected those of Llama 2, Llama 3 "
      "or ChatML");
}

}  // namespace nvlm::decoder
