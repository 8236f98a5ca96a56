#include "fusion/prompt_format.h"

#include <stdexcept>

namespace nvlm::fusion {

PromptFormat prompt_format(std::string_view template_name) {
  PromptFormat format;
  if (template_name == "nvlm_lab") return format;
  format.joint = true;
  if (template_name == "chatml") {
    format.chat = decoder::chat_template("nvlm_d");
    return format;
  }
  if (template_name == "internvl2_5") {
    format.chat = decoder::chat_template("internvl2_5");
    format.image_open = "<img>";
    format.image_close = "</img>";
    format.slot = "<IMG_CONTEXT>";
    return format;
  }
  throw std::invalid_argument("fusion.template: '" + std::string(template_name) +
                              "', expected nvlm_lab, chatml or internvl2_5");
}

}  // namespace nvlm::fusion
