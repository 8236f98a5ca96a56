#include "fusion/model_family.h"

#include <c10/util/Exception.h>

#include <array>
#include <string_view>

namespace nvlm::fusion {
namespace {

struct FamilyName {
  std::string_view found;  // in architectures or model_type
  ModelFamily family;
};

constexpr std::array kFamilyNames = {
    FamilyName{"LlamaForCausalLM", ModelFamily::kLlama},
    FamilyName{"llama", ModelFamily::kLlama},
    FamilyName{"Qwen2ForCausalLM", ModelFamily::kQwen2},
    FamilyName{"qwen2", ModelFamily::kQwen2},
    FamilyName{"GPT2LMHeadModel", ModelFamily::kGpt2},
    FamilyName{"gpt2", ModelFamily::kGpt2},
    FamilyName{"InternVisionModel", ModelFamily::kInternVit},
    FamilyName{"intern_vit_6b", ModelFamily::kInternVit},
    FamilyName{"InternVLChatModel", ModelFamily::kInternVl},
    FamilyName{"internvl_chat", ModelFamily::kInternVl},
    FamilyName{"InternVLForConditionalGeneration", ModelFamily::kInternVl},
    FamilyName{"internvl", ModelFamily::kInternVl},
    FamilyName{"NVLM_D", ModelFamily::kNvlmD},
    FamilyName{"MllamaForConditionalGeneration", ModelFamily::kMllama},
    FamilyName{"mllama", ModelFamily::kMllama},
};

ModelFamily lookup(std::string_view found) {
  for (const FamilyName& entry : kFamilyNames) {
    if (entry.found == found) return entry.family;
  }
  return ModelFamily::kOther;
}

std::string string_member(const Json& config, const char* key) {
  const auto member = config.find(key);
  return member != config.end() && member->is_string() ? member->get<std::string>() : "";
}

}  // namespace

std::string supported_architectures() {
  return "GPT2LMHeadModel, LlamaForCausalLM, Qwen2ForCausalLM, InternVLChatModel, "
         "InternVLForConditionalGeneration, NVLM_D, NVLM_X, NVLM_H or "
         "MllamaForConditionalGeneration";
}

std::string architecture_of(const Json& config) {
  if (!config.is_object()) return "";
  const auto names = config.find("architectures");
  if (names != config.end() && names->is_array() && !names->empty() && names->front().is_string()) {
    return names->front().get<std::string>();
  }
  return string_member(config, "model_type");
}

ModelFamily model_family(const Json& config) {
  if (!config.is_object()) return ModelFamily::kOther;
  if (config.contains("fusion_config")) return ModelFamily::kLab;
  const ModelFamily family = lookup(architecture_of(config));
  return family == ModelFamily::kOther ? lookup(string_member(config, "model_type")) : family;
}

std::string name(ModelFamily family) {
  switch (family) {
    case ModelFamily::kLlama:
      return "Llama";
    case ModelFamily::kQwen2:
      return "Qwen2";
    case ModelFamily::kGpt2:
      return "GPT-2";
    case ModelFamily::kInternVit:
      return "InternViT";
    case ModelFamily::kInternVl:
      return "InternVL chat";
    case ModelFamily::kNvlmD:
      return "NVLM-D";
    case ModelFamily::kLab:
      return "NVLM Lab";
    case ModelFamily::kMllama:
      return "Llama 3.2 Vision";
    case ModelFamily::kOther:
      return "unknown";
  }
  TORCH_INTERNAL_ASSERT(false, "no such family");
}

std::vector<std::string> supported_families() {
  std::vector<std::string> names;
  for (const ModelFamily family :
       {ModelFamily::kLlama, ModelFamily::kQwen2, ModelFamily::kGpt2, ModelFamily::kInternVit,
        ModelFamily::kInternVl, ModelFamily::kNvlmD, ModelFamily::kLab, ModelFamily::kMllama}) {
    names.push_back(name(family));
  }
  return names;
}

}  // namespace nvlm::fusion
