#include "fusion/prompt_tokens.h"

#include <algorithm>
#include <stdexcept>

#include "fusion/prompt_format.h"

namespace nvlm::fusion {
namespace {

/// Appends what is not there yet.
void append_once(std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

/// "<|im_start|>" and the like in a piece of text.
void append_control_tokens(std::string_view text, std::vector<std::string>& names) {
  for (size_t begin; (begin = text.find("<|")) != std::string_view::npos;) {
    const size_t end = text.find("|>", begin);
    if (end == std::string_view::npos) return;
    append_once(names, std::string(text.substr(begin, end + 2 - begin)));
    text.remove_prefix(end + 2);
  }
}

/// The tags of every tile in every grid of at most `max_tiles` tiles, and the thumbnail's.
void append_tags(TileTagKind kind, int64_t max_tiles, std::vector<std::string>& names) {
  if (kind == TileTagKind::k2dBox) {
    names.insert(names.end(), {"<box>", "</box>"});
    return;
  }
  vision::ImageLayout layout;
  layout.has_thumbnail = true;
  for (layout.rows = 1; layout.rows <= max_tiles; ++layout.rows) {
    layout.columns = max_tiles / layout.rows;
    for (int64_t tile = 0; tile < layout.num_tiles(); ++tile) {
      const std::string tag = tile_tag(kind, layout, tile);
      if (!tag.empty()) append_once(names, tag);
    }
  }
}

}  // namespace

std::vector<std::string> prompt_tokens(std::string_view template_name, TileTagKind tags,
                                       int64_t max_tiles) {
  if (max_tiles < 1) {
    throw std::invalid_argument("fusion.prompt_tokens: max_tiles is " + std::to_string(max_tiles) +
                                ", expected 1 or more");
  }
  const PromptFormat format = prompt_format(template_name);
  std::vector<std::string> names;
  const decoder::Message question;
  append_control_tokens(
      decoder::chat_text(format.chat, std::span(&question, 1), /*answer_follows=*/true), names);
  append_once(names, format.chat.stop);
  append_once(names, format.slot);
  if (template_name != "chatml") {
    append_once(names, format.image_open);
    append_once(names, format.image_close);
  }
  if (template_name == "nvlm_lab") append_tags(tags, max_tiles, names);
  return names;
}

}  // namespace nvlm::fusion
