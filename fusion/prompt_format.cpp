#include "fusion/prompt_format.h"

#include <stdexcept>

namespace nvlm::fusion {

PromptFormat prompt_format(std::string_view template_name) {
  PromptFormat format;
  if (template_name == "nvlm_lab") return format;
  format.joint = true;
  if (template_name == "chatml") {
    // No newline after <|im_end|>, unlike ChatML elsewhere.
    format.opening = "<|im_start|>system\nAnswer the questions.<|im_end|><|im_start|>user\n";
    format.answer_open = "<|im_end|><|im_start|>assistant\n";
    return format;
  }
  if (template_name == "internvl2_5") {
    format.opening =
        "<|im_start|>system\n"
        "你是书生·万象，英文名是InternVL，是由上海人工智能实验室、清华大学及多家合作单位联合开发的"
        "多模态大语言模型。<|im_end|>\n<|im_start|>user\n";
    format.image_open = "<img>";
    format.image_close = "</img>";
    format.slot = "<IMG_CONTEXT>";
    return format;
  }
  throw std::invalid_argument("fusion.template: '" + std::string(template_name) +
                              "', expected nvlm_lab, chatml or internvl2_5");
}

}  // namespace nvlm::fusion
