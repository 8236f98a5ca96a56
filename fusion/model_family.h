// Which family a config.json belongs to.
#pragma once

#include <string>
#include <vector>

#include "common/json.h"

namespace nvlm::fusion {

enum class ModelFamily {
  kLlama,      // LlamaForCausalLM
  kQwen2,      // Qwen2ForCausalLM
  kGpt2,       // GPT2LMHeadModel
  kInternVit,  // InternVisionModel
  kInternVl,   // InternVLChatModel, InternVLForConditionalGeneration
  kNvlmD,      // NVLM_D as published
  kLab,        // our multimodal models: NVLM_D, NVLM_X, NVLM_H, ... with a fusion_config
  kMllama,     // MllamaForConditionalGeneration
  kOther
};

/// From `architectures`, which outranks `model_type`.
/// config  config.json; anything that is no object is kOther
ModelFamily model_family(const Json& config);

/// "Llama", "InternViT", ...; "unknown" for kOther.
std::string name(ModelFamily family);

/// The values of `architectures` that are known, as a list for messages.
std::string supported_architectures();

/// The names of all families but kOther.
std::vector<std::string> supported_families();

/// The first of `architectures`, else `model_type`, else "".
std::string architecture_of(const Json& config);

}  // namespace nvlm::fusion
