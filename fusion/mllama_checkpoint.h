// Llama 3.2 Vision on disk, in the layout of Hugging Face.
#pragma once

#include <filesystem>

#include "common/tensor.h"
#include "decoder/device_map.h"
#include "fusion/mllama_model.h"

namespace nvlm::fusion {

/// config.json and, where it exists, preprocessor_config.json of a folder.
/// throws  std::runtime_error naming the folder and what is wrong
MllamaConfig read_mllama_config(const std::filesystem::path& folder);

/// Loads Hugging Face's files of either naming. In evaluation mode, on the CPU.
/// config  read_mllama_config() of the folder
/// dtype   of all parameters
/// throws  std::runtime_error naming the folder and what is wrong, all tensors at once; nothing is
///         allocated for a configuration that describes far more than is stored
MllamaModel load_mllama(const std::filesystem::path& folder, const MllamaConfig& config,
                        at::ScalarType dtype = at::kFloat);

/// The same with the folder's own configuration.
MllamaModel load_mllama(const std::filesystem::path& folder, at::ScalarType dtype = at::kFloat);

/// The same where, and in the dtype that, `place` says; weights go straight to their device.
/// throws  as load_mllama, and what `place` throws
MllamaModel load_mllama(const std::filesystem::path& folder, const MllamaConfig& config,
                        const decoder::PlaceModel& place);

/// Writes config.json, preprocessor_config.json, generation_config.json, tokenizer.json (a copy)
/// and model.safetensors, each atomically, the weights last, in their dtype and under the names
/// that all versions of transformers read. The folder is made if it does not exist. tokenizer_json
/// of the checkpoint that the model came from throws          std::runtime_error if a file cannot
/// be read or written
void save_mllama(const std::filesystem::path& folder, const MllamaModel& model,
                 const std::filesystem::path& tokenizer_json);

}  // namespace nvlm::fusion
