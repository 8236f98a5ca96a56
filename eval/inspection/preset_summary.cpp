#include "eval/inspection/preset_summary.h"

#include <map>
#include <utility>

#include "common/error.h"
#include "common/load_weights.h"
#include "common/nearest_name.h"
#include "common/parameter_scope.h"
#include "common/safetensors.h"
#include "decoder/gpt2.h"
#include "decoder/llama.h"
#include "decoder/presets.h"
#include "eval/inspection/model_summary.h"
#include "fusion/internvl_export.h"
#include "fusion/mllama_model.h"
#include "fusion/model_family.h"
#include "fusion/multimodal_model.h"
#include "fusion/presets.h"
#include "vision/presets.h"
#include "vision/vision_encoder.h"

namespace nvlm::eval {
namespace {

/// A model of which only shapes exist.
struct ShapeOnlyModel {
  Json config;  // config.json
  std::map<std::string, Tensor> tensors;
};

ShapeOnlyModel decoder_model(const decoder::LlamaConfig& config) {
  auto tensors = state_dict(*decoder::LlamaForCausalLM(config));
  if (decoder::is_gpt2(config)) tensors = decoder::gpt2_state_dict(tensors, config);
  return {to_json(config), std::move(tensors)};
}

ShapeOnlyModel vision_model(const vision::VisionConfig& config) {
  return {to_json(config), state_dict(*vision::VisionEncoder(config))};
}

/// "internvl2.5-..." and "nvlm-d-..." have no fusion_config in their published files.
Json multimodal_config_json(const std::string& name, const fusion::MultimodalConfig& config) {
  if (fusion::is_by_the_paper(name)) return to_json(config);
  const bool is_internvl = config.fusion.tile_tags == fusion::TileTagKind::kNone;
  return fusion::original_config_json(
      config, is_internvl ? fusion::PublishedLayout::kInternVl : fusion::PublishedLayout::kNvlmD);
}

ShapeOnlyModel multimodal_model(const std::string& name, const fusion::MultimodalConfig& config) {
  return {multimodal_config_json(name, config), state_dict(*fusion::MultimodalModel(config))};
}

ShapeOnlyModel mllama_model(const fusion::MllamaConfig& config) {
  ShapeOnlyModel model{to_json(config), {}};
  for (auto& [name, tensor] : state_dict(*fusion::MllamaModel(config))) {
    model.tensors[mllama_stored_name(config, name)] = std::move(tensor);
  }
  return model;
}

[[noreturn]] void refuse_preset(const std::string& name) {
  for (const char* size : {"2b", "8b", "26b"}) {
    if (name == std::string("internvl2.5-") + size) {
      throw UsageError("preset '" + name +
                       "': its decoder is InternLM2, which is not supported; expected "
                       "internvl2.5-1b, -4b, -38b or -78b");
    }
  }
  std::string known;
  for (const std::string& preset : all_preset_names()) known += " " + preset;
  throw UsageError("there is no preset '" + name + "', expected one of:" + known +
                   did_you_mean(name, all_preset_names()));
}

ShapeOnlyModel shape_only_model(const std::string& name) {
  const ParameterScope shapes_only({.device = at::kMeta});
  if (const auto config = decoder::preset(name)) return decoder_model(*config);
  if (const auto config = vision::preset(name)) return vision_model(*config);
  if (const auto config = fusion::preset(name)) return multimodal_model(name, *config);
  if (const auto config = fusion::mllama_preset(name)) return mllama_model(*config);
  refuse_preset(name);
}

std::vector<StoredTensor> in_bfloat16(const std::map<std::string, Tensor>& tensors) {
  std::vector<StoredTensor> stored;
  for (const auto& [name, tensor] : tensors) {
    stored.push_back({name, safetensors_dtype_name(at::kBFloat16), "", tensor.sizes().vec(),
                      tensor.numel(), 2 * tensor.numel(), /*is_weight=*/true});
  }
  return stored;
}

}  // namespace

std::vector<std::string> all_preset_names() {
  std::vector<std::string> names;
  for (const auto& some : {decoder::preset_names(), vision::preset_names(), fusion::preset_names(),
                           fusion::mllama_preset_names()}) {
    names.insert(names.end(), some.begin(), some.end());
  }
  return names;
}

Json preset_summary(const std::string& name, bool list_tensors) {
  const ShapeOnlyModel model = shape_only_model(name);
  const std::vector<StoredTensor> tensors = in_bfloat16(model.tensors);
  Json summary = model_summary(model.config, tensors);
  summary["path"] = name;
  summary["by_the_paper"] = fusion::is_by_the_paper(name);
  if (list_tensors) summary["tensor_list"] = tensor_list(tensors);
  return summary;
}

}  // namespace nvlm::eval
