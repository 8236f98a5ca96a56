// Which checkpoint a --model option means.
#pragma once

#include <filesystem>
#include <string>

namespace nvlm::cli {

/// "d", "x" and "h" are the models that come with the repository (models/nvlm-d and so on; the
/// folder is NVLM_MODELS if that is set); anything else is a path.
/// throws  UsageError if the folder holds no config.json (or params.json, as Meta's do)
std::filesystem::path model_folder(const std::string& name_or_path);

}  // namespace nvlm::cli
