// Folders of a Llama from Meta's layout to Hugging Face's and back.
#pragma once

#include <filesystem>
#include <optional>

#include "common/tensor.h"

namespace nvlm::decoder {

/// Reads `from` (params.json, consolidated.NN.safetensors) and writes config.json,
/// generation_config.json, model.safetensors and a copy of tokenizer.json, where there is one.
/// The tokens that begin and end a text stand in Meta's code, not in its files: they are looked up
/// by name in tokenizer.json.
/// dtype   of the written weights; absent: the widest that is stored, so that no bit changes
/// throws  std::runtime_error or std::invalid_argument as load_llama, or if `from` is not in Meta's
///         layout
void meta_to_hugging_face(const std::filesystem::path& from, const std::filesystem::path& to,
                          std::optional<at::ScalarType> dtype);

/// The inverse; see save_meta_llama for `shards` and for what Meta's layout cannot express.
void hugging_face_to_meta(const std::filesystem::path& from, const std::filesystem::path& to,
                          std::optional<at::ScalarType> dtype, int64_t shards);

}  // namespace nvlm::decoder
