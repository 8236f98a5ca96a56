// What a published family's code can run of one of our models.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "common/tensor.h"
#include "fusion/multimodal_model.h"

namespace nvlm::fusion {

/// Layouts whose code is not ours.
enum class PublishedLayout {
  kInternVl,        // InternVLChatModel, the original code of InternVL 2.5
  kInternVlNative,  // InternVLForConditionalGeneration of Hugging Face transformers
  kNvlmD            // NVLM_D, the code published with NVLM-D-72B
};

/// "internvl", "internvl-hf", "nvlm-d".
std::string name(PublishedLayout layout);

/// The inverse of name(). throws  std::invalid_argument listing the names
PublishedLayout parse_published_layout(std::string_view text);

/// A model as plain values, the tensors under our names.
struct PublishedForm {
  MultimodalConfig config;
  std::map<std::string, Tensor> tensors;
};

/// The model, changed where the layout's code fixes what we leave free, so that it still computes
/// the same logits up to rounding:
///   internvl, internvl-hf   the projector has biases and is as wide inside as the decoder. Absent
///                           biases become zeros; a narrower projector gets idle units; for a wider
///                           one (a lab model's) the decoder's residual stream is widened
///                           (decoder/widened_decoder.h), which makes the model larger and needs
///                           code that honours head_dim (transformers from 4.48 on)
///   nvlm-d                  the projector has no biases and is as wide inside as the decoder's
///                           feed-forward; a narrower one gets idle units
/// throws  std::invalid_argument naming what the layout cannot say: a variant other than D, a
///         projector of one layer, biases or a wider projector for nvlm-d, dummy heads elsewhere, a
///         decoder that is neither a Llama nor a Qwen2
/// source  InternVLChatModel.__init__, InternVLMultiModalProjector, NVLM_D_Model.__init__
PublishedForm published_form(const MultimodalModel& model, PublishedLayout layout);

}  // namespace nvlm::fusion
