// What a checkpoint holds, from the headers of its files.
#pragma once

#include <filesystem>

#include "common/json.h"

namespace nvlm::eval {

/// Summarises a folder (its model files, or all .safetensors of one without) or one file. No weight
/// is read, so any size is quick. A configuration or tokenizer that is absent leaves its part out.
/// list_tensors  also "tensor_list"
/// returns       model_summary() with "path", "shards" and "tokenizer"
/// throws        std::runtime_error if there is no readable safetensors file
Json checkpoint_summary(const std::filesystem::path& path, bool list_tensors = false);

}  // namespace nvlm::eval
