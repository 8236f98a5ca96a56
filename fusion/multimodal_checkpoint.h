// A whole model on disk, in the Hugging Face layout.
#pragma once

#include <filesystem>
#include <string>

#include "common/json.h"
#include "common/tensor.h"
#include "decoder/device_map.h"
#include "decoder/tokenizer/tokenizer.h"
#include "fusion/multimodal_model.h"
#include "fusion/prompt_format.h"

namespace nvlm::fusion {

/// The configuration of the model that load_multimodal would load, tiling included.
/// throws  as load_multimodal
MultimodalConfig read_multimodal_config(const std::filesystem::path& folder);

/// Loads config.json, preprocessor_config.json (where it exists) and the weights: a lab model of
/// any variant, NVLM-D, or InternVL with a Llama or Qwen2 decoder, in its original layout or that
/// of Hugging Face's native port (see internvl_native.h). In evaluation mode, on the CPU.
/// dtype   of all parameters
/// throws  std::runtime_error naming the file and what is wrong with it, all tensors at once
MultimodalModel load_multimodal(const std::filesystem::path& folder,
                                at::ScalarType dtype = at::kFloat);

/// The same where, and in the dtype that, `place` says; weights go straight to their device.
/// throws  as load_multimodal, and what `place` throws
MultimodalModel load_multimodal(const std::filesystem::path& folder,
                                const decoder::PlaceModel& place);

/// Writes config.json, model.safetensors, tokenizer.json (a copy), preprocessor_config.json and
/// generation_config.json into `folder`, which is made if need be. Each file appears complete or
/// not at all, the weights last. tokenizer_json  the tokenizer that the model was trained with
/// dtype           of the stored floating-point tensors; bfloat16 halves the file
/// throws          std::runtime_error if a file cannot be read or written; std::invalid_argument if
///                 the tokenizer lacks the prompt format's tokens
void save_multimodal(const std::filesystem::path& folder, const MultimodalModel& model,
                     const std::filesystem::path& tokenizer_json,
                     at::ScalarType dtype = at::kFloat);

/// What config.json calls the dtype of stored weights.
/// throws  std::invalid_argument for one that is not stored
std::string dtype_name(at::ScalarType dtype);

/// generation_config.json: greedy until the token that closes an answer.
/// throws  std::invalid_argument if the tokenizer lacks that token
Json generation_defaults(const decoder::Tokenizer& tokenizer, const PromptFormat& format);

}  // namespace nvlm::fusion
