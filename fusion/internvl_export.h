// Our NVLM-D models on disk as the code of published families reads them.
#pragma once

#include <filesystem>

#include "common/json.h"
#include "common/tensor.h"
#include "fusion/multimodal_model.h"
#include "fusion/published_form.h"

namespace nvlm::fusion {

/// config.json of the layouts whose code lies beside the published weights.
/// layout  kInternVl or kNvlmD
Json original_config_json(const MultimodalConfig& config, PublishedLayout layout);

/// Writes a folder that the layout's code loads and that gives the model's logits for the same
/// token ids and pixels: config.json, generation_config.json, preprocessor_config.json,
/// tokenizer.json (a copy), tokenizer_config.json, special_tokens_map.json, chat_template.jinja,
/// for internvl-hf processor_config.json, and model.safetensors. Each appears complete or not at
/// all, the weights last; the folder is made if need be. The original layouts name the repositories
/// on the hub that hold their code, which is not ours to copy (trust_remote_code).
///
/// Tile tags are text: whoever writes the prompt puts them in front of each tile's image-pad
/// tokens, as PromptBuilder does; the families' own processors know no tags. Where tags or the
/// prompt format are not the family's, config.json has an entry nvlm_lab, which their code ignores
/// and load_multimodal reads.
///
/// tokenizer_json  the tokenizer that the model was trained with
/// dtype           of the stored floating-point tensors
/// returns         what was written; its decoder may be wider than the model's, see published_form
/// throws          std::invalid_argument for what the layout cannot express, or a tokenizer without
///                 the format's tokens; std::runtime_error if a file cannot be read or written
MultimodalConfig export_internvl(const std::filesystem::path& folder, const MultimodalModel& model,
                                 const std::filesystem::path& tokenizer_json,
                                 PublishedLayout layout, at::ScalarType dtype = at::kFloat);

}  // namespace nvlm::fusion
