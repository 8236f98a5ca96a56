#include "cli/model_folder.h"

#include <cstdlib>

#include "common/error.h"
#include "decoder/meta_llama.h"

namespace nvlm::cli {

std::filesystem::path model_folder(const std::string& name_or_path) {
  namespace fs = std::filesystem;
  const bool is_shipped = name_or_path == "d" || name_or_path == "x" || name_or_path == "h";
  const char* models = std::getenv("NVLM_MODELS");
  const fs::path folder =
      is_shipped ? fs::path(models != nullptr ? models : NVLM_MODELS_DIR) / ("nvlm-" + name_or_path)
                 : fs::path(name_or_path);
  if (!fs::exists(folder / "config.json") && !decoder::is_meta_llama(folder)) {
    throw UsageError("--model " + name_or_path + ": '" + folder.string() +
                     "' holds no config.json; expected d, x, h or the folder of a checkpoint");
  }
  return folder;
}

}  // namespace nvlm::cli
