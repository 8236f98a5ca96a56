// Published multimodal models by name, at their real sizes, and the paper's unpublished ones.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fusion/mllama_config.h"
#include "fusion/multimodal_config.h"

namespace nvlm::fusion {

/// "internvl2.5-1b", ..., "nvlm-d-34b", ..., "nvlm-h-72b". InternVL2.5-2B, 8B and 26B are
/// not among them: their decoder, InternLM2, is none of ours.
std::vector<std::string> preset_names();

/// Nothing for an unknown name. NVLM-D-72B carries 7 dummy heads, as published.
/// chosen:  NVLM-X-72B, NVLM-H-72B and all of 34B are unpublished: encoder, decoder, projector, and
///          ten blocks (after every 6 layers of 60, or 8 of 80) are the paper's (§4.2), the inside
///          of the blocks is ours (gated_cross_attention.h); the encoder is without dummy heads
std::optional<MultimodalConfig> preset(std::string_view name);

/// Whether a preset's weights exist nowhere: the model is described in the paper alone.
bool is_by_the_paper(std::string_view name);

/// "llama-3.2-11b-vision" (448 pixels), "llama-3.2-11b-vision-instruct" (560), and
/// "llama-3.2-90b-vision" (560, as its Instruct model).
std::vector<std::string> mllama_preset_names();

/// Nothing for an unknown name.
std::optional<MllamaConfig> mllama_preset(std::string_view name);

}  // namespace nvlm::fusion
