// The words of a prompt: the chat format, the marks around a picture, the image-pad token.
#pragma once

#include <string>
#include <string_view>

#include "decoder/chat_template.h"

namespace nvlm::fusion {

struct PromptFormat {
  decoder::ChatTemplate chat = decoder::chat_template("chatml");
  std::string image_open = "<Image>";
  std::string image_close = "</Image>";
  std::string slot = "<|vision_pad|>";  // one token
  /// true: neighbouring pieces of text are tokenised as one string, as the released NVLM-D-72B does
  /// ("<Image><tile_1>" merges "><"). false: each piece alone, as it was trained; then it is known
  /// to which tile each token belongs, which the memory route needs.
  bool joint = false;
};

/// The format of a `template` entry in config.json: "nvlm_lab" (ours: ChatML without a system
/// turn), "chatml" (NVLM-D-72B), "internvl2_5".
/// throws  std::invalid_argument listing the names
PromptFormat prompt_format(std::string_view template_name);

}  // namespace nvlm::fusion
