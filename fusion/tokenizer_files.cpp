#include "fusion/tokenizer_files.h"

#include <c10/util/Exception.h>

#include <stdexcept>
#include <string_view>
#include <vector>

namespace nvlm::fusion {
namespace {

constexpr const char* kTokenizerWhere = "tokenizer.json";
constexpr const char* kPadToken = "<|endoftext|>";

std::vector<Json> added_tokens(const Json& tokenizer) {
  return json_get<std::vector<Json>>(tokenizer, "added_tokens", kTokenizerWhere);
}

bool is_added(const Json& tokenizer, const std::string& token) {
  for (const Json& added : added_tokens(tokenizer)) {
    if (json_get<std::string>(added, "content", kTokenizerWhere) == token) return true;
  }
  return false;
}

void require_added(const Json& tokenizer, const std::string& token, const char* what) {
  if (is_added(tokenizer, token)) return;
  throw std::invalid_argument(std::string(kTokenizerWhere) + ": no token '" + token + "', " + what);
}

/// A string literal of Jinja.
std::string literal(std::string_view text) { return Json(text).dump(); }

}  // namespace

std::string jinja_chat_template(const PromptFormat& format) {
  const decoder::ChatTemplate& chat = format.chat;  // ChatML in every format
  std::string text;
  if (chat.default_system) {
    const std::string system =
        chat.system.open + *chat.default_system + chat.system.close + chat.separator;
    text += "{% if messages[0]['role'] != 'system' %}{{ " + literal(system) + " }}{% endif %}";
  }
  return text +
         "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' }}"
         "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
         "{% for part in message['content'] %}{% if part['type'] == 'image' %}{{ " +
         literal(format.slot + "\n") +
         " }}{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}"
         "{{ " +
         literal(chat.user.close + chat.separator) +
         " }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
}

bool has_picture_tokens(const Json& tokenizer, const PromptFormat& format) {
  return is_added(tokenizer, format.image_open) && is_added(tokenizer, format.image_close) &&
         is_added(tokenizer, format.slot);
}

Json tokenizer_config_json(const Json& tokenizer, const PromptFormat& format) {
  require_added(tokenizer, format.chat.stop, "which ends an answer");
  require_added(tokenizer, format.slot, "which holds the place of a tile's tokens");
  Json by_id = Json::object();
  for (const Json& added : added_tokens(tokenizer)) {
    Json entry = added;
    entry.erase("id");
    by_id[std::to_string(json_get<int64_t>(added, "id", kTokenizerWhere))] = entry;
  }
  Json config = special_tokens_map_json(tokenizer, format);
  config["tokenizer_class"] = "PreTrainedTokenizerFast";
  config["added_tokens_decoder"] = by_id;
  config["chat_template"] = jinja_chat_template(format);
  config["clean_up_tokenization_spaces"] = false;
  config["model_max_length"] = 1 << 20;  // the decoder's own limit counts
  if (has_picture_tokens(tokenizer, format)) {
    // The processor wants a video token, too. There are no videos, and no text has a pad token.
    config["extra_special_tokens"] = {{"start_image_token", format.image_open},
                                      {"end_image_token", format.image_close},
                                      {"context_image_token", format.slot},
                                      {"video_token", config["pad_token"]}};
  }
  return config;
}

Json special_tokens_map_json(const Json& tokenizer, const PromptFormat& format) {
  return {{"eos_token", format.chat.stop},
          {"pad_token", is_added(tokenizer, kPadToken) ? kPadToken : format.chat.stop}};
}

}  // namespace nvlm::fusion
