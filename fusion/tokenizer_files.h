// What Python's tokenizers and processors want to know beside tokenizer.json.
#pragma once

#include <string>

#include "common/json.h"
#include "fusion/prompt_format.h"

namespace nvlm::fusion {

/// A Jinja template that writes conversations as prompt_format() does: the system turn unless the
/// conversation brings one, then turns; pictures are the image-pad token and a newline. Tile tags
/// and picture markers are left to the caller, who knows the tiles.
std::string jinja_chat_template(const PromptFormat& format);

/// tokenizer_config.json. The class reads tokenizer.json as it stands: those named after a family
/// may replace its splitting by their own.
/// tokenizer  tokenizer.json
/// throws     std::invalid_argument if it lacks the token that ends an answer or the image-pad
/// token
Json tokenizer_config_json(const Json& tokenizer, const PromptFormat& format);

/// special_tokens_map.json of the same tokenizer.
Json special_tokens_map_json(const Json& tokenizer, const PromptFormat& format);

/// Whether the picture markers and the image-pad token are single tokens, without which InternVL's
/// processor cannot be made.
bool has_picture_tokens(const Json& tokenizer, const PromptFormat& format);

}  // namespace nvlm::fusion
