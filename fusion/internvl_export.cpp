#include "fusion/internvl_export.h"

#include <map>
#include <string>
#include <vector>

#include "common/atomic_file.h"
#include "common/json.h"
#include "common/safetensors.h"
#include "decoder/tokenizer/tokenizer.h"
#include "fusion/internvl_native.h"
#include "fusion/multimodal_checkpoint.h"
#include "fusion/tokenizer_files.h"

namespace nvlm::fusion {
namespace {

/// What a family's config.json says without saying it.
bool is_familys_own(const MultimodalConfig& config, PublishedLayout layout) {
  return layout == PublishedLayout::kNvlmD
             ? config.prompt_template == "chatml" && config.fusion.tile_tags == TileTagKind::k1d
             : config.prompt_template == "internvl2_5" &&
                   config.fusion.tile_tags == TileTagKind::kNone;
}

Json config_json(const MultimodalConfig& config, PublishedLayout layout, int64_t slot_id) {
  Json json = layout == PublishedLayout::kInternVlNative ? to_internvl_native_json(config, slot_id)
                                                         : original_config_json(config, layout);
  if (!is_familys_own(config, layout)) write_lab_entry(config, json);
  return json;
}

Json native_preprocessor_json(const vision::PreprocessorConfig& config) {
  const vision::TilingConfig& tiling = config.tiling;
  return {{"image_processor_type", "GotOcr2ImageProcessorFast"},
          {"processor_class", "InternVLProcessor"},
          {"crop_to_patches", tiling.max_tiles > 1},
          {"do_convert_rgb", true},
          {"do_normalize", true},
          {"do_rescale", true},
          {"do_resize", true},
          {"image_mean", config.mean},
          {"image_std", config.deviation},
          {"min_patches", tiling.min_tiles},
          {"max_patches", tiling.max_tiles},
          {"resample", 3},
          {"rescale_factor", 1.0 / 255},
          {"size", {{"height", tiling.tile_size}, {"width", tiling.tile_size}}}};
}

/// Under the layout's names, each tensor with memory of its own.
std::map<std::string, Tensor> stored_tensors(const PublishedForm& form, PublishedLayout layout,
                                             at::ScalarType dtype) {
  std::map<std::string, Tensor> stored;
  for (const auto& [name, tensor] : form.tensors) {
    const Tensor ours = tensor.is_floating_point() ? tensor.to(at::kCPU, dtype) : tensor;
    const std::vector<std::string> names = layout == PublishedLayout::kInternVlNative
                                               ? internvl_native_names(name, NativeNaming::kFiles)
                                               : std::vector<std::string>{name};
    const std::vector<Tensor> parts = ours.chunk(static_cast<int64_t>(names.size()), 0);
    for (size_t i = 0; i < names.size(); ++i) stored[names[i]] = parts[i].contiguous();
  }
  return stored;
}

}  // namespace

Json original_config_json(const MultimodalConfig& config, PublishedLayout layout) {
  const bool is_nvlm = layout == PublishedLayout::kNvlmD;
  const std::string repository = is_nvlm ? "nvidia/NVLM-D-72B" : "OpenGVLab/InternVL2_5-1B";
  const std::string module = is_nvlm ? "nvlm_d" : "internvl_chat";
  const std::string model_class = is_nvlm ? "NVLM_D_Model" : "InternVLChatModel";
  const std::string config_class = is_nvlm ? "NVLM_D_Config" : "InternVLChatConfig";
  const std::string modelling = repository + "--modeling_" + module + "." + model_class;
  Json json = to_json(config);
  json.erase("fusion_config");
  json["architectures"] = {is_nvlm ? "NVLM_D" : model_class};
  json["model_type"] = is_nvlm ? "NVLM_D" : "internvl_chat";
  json["auto_map"] = {{"AutoConfig", repository + "--configuration_" + module + "." + config_class},
                      {"AutoModel", modelling},
                      {"AutoModelForCausalLM", modelling}};
  // Their code looks the template up in a list of its own.
  json["template"] = is_nvlm ? "chatml" : "internvl2_5";
  json["tie_word_embeddings"] = config.decoder.tie_word_embeddings;
  json["use_backbone_lora"] = 0;
  json["use_llm_lora"] = 0;
  json["pad2square"] = false;
  return json;
}

MultimodalConfig export_internvl(const std::filesystem::path& folder, const MultimodalModel& model,
                                 const std::filesystem::path& tokenizer_json,
                                 PublishedLayout layout, at::ScalarType dtype) {
  const PublishedForm form = published_form(model, layout);
  const PromptFormat format = prompt_format(form.config.prompt_template);
  const auto tokenizer = decoder::Tokenizer::from_file(tokenizer_json);
  const Json tokenizer_fields = read_json(tokenizer_json);
  const Json tokenizer_config = tokenizer_config_json(tokenizer_fields, format);
  Json config = config_json(form.config, layout, tokenizer.id(format.slot));
  config["torch_dtype"] = dtype_name(dtype);

  std::filesystem::create_directories(folder);
  const bool is_native = layout == PublishedLayout::kInternVlNative;
  write_json(folder / "config.json", config);
  write_json(folder / "generation_config.json", generation_defaults(tokenizer, format));
  write_json(folder / "preprocessor_config.json",
             is_native ? native_preprocessor_json(form.config.preprocessor)
                       : vision::to_json(form.config.preprocessor));
  write_file_atomically(folder / "tokenizer.json", read_text_file(tokenizer_json));
  write_json(folder / "tokenizer_config.json", tokenizer_config);
  write_json(folder / "special_tokens_map.json", special_tokens_map_json(tokenizer_fields, format));
  write_file_atomically(folder / "chat_template.jinja", jinja_chat_template(format));
  if (is_native && has_picture_tokens(tokenizer_fields, format)) {
    write_json(folder / "processor_config.json", {{"processor_class", "InternVLProcessor"},
                                                  {"image_seq_length", form.config.tile_tokens()}});
  }
  write_safetensors(folder / "model.safetensors", stored_tensors(form, layout, dtype),
                    {{"format", "pt"}});
  return form.config;
}

}  // namespace nvlm::fusion
