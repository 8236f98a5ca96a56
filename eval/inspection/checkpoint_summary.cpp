#include "eval/inspection/checkpoint_summary.h"

#include <c10/util/accumulate.h>

#include <algorithm>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "common/weight_store.h"
#include "decoder/tokenizer/tokenizer.h"
#include "eval/inspection/model_summary.h"

namespace nvlm::eval {
namespace {

namespace fs = std::filesystem;

/// The model's files, or where there are none with the usual names, all .safetensors of the folder.
std::vector<SafetensorsFile> open_files(const fs::path& path) {
  std::vector<fs::path> paths;
  const bool usual =
      fs::exists(path / "model.safetensors") || fs::exists(path / "model.safetensors.index.json");
  if (!usual && fs::is_directory(path)) {
    for (const auto& entry : fs::directory_iterator(path)) {
      if (entry.path().extension() == ".safetensors") paths.push_back(entry.path());
    }
  }
  // The store checks that the index and its shards agree, and words what is missing.
  if (paths.empty()) paths = WeightStore::open(path).files();
  std::sort(paths.begin(), paths.end());
  std::vector<SafetensorsFile> files;
  for (const fs::path& file : paths) files.push_back(SafetensorsFile::open(file));
  return files;
}

std::vector<StoredTensor> stored_tensors(const std::vector<SafetensorsFile>& files) {
  std::vector<StoredTensor> tensors;
  for (const SafetensorsFile& file : files) {
    for (const auto& [name, entry] : file.entries()) {
      StoredTensor tensor{name, safetensors_dtype_name(entry.dtype), file.path().filename(),
                          entry.shape};
      tensor.elements = c10::multiply_integers(entry.shape);
      tensor.bytes = static_cast<int64_t>(entry.end - entry.begin);
      tensor.is_weight = at::isFloatingType(entry.dtype);
      tensors.push_back(std::move(tensor));
    }
  }
  return tensors;
}

Json tokenizer_facts(const fs::path& folder) {
  const fs::path path = folder / "tokenizer.json";
  if (!fs::exists(path)) return {};
  try {
    return {{"tokens", decoder::Tokenizer::from_file(path).vocab_size()}};
  } catch (const std::exception& error) {
    return {{"error", error.what()}};
  }
}

}  // namespace

Json checkpoint_summary(const fs::path& path, bool list_tensors) {
  const std::vector<SafetensorsFile> files = open_files(path);
  const std::vector<StoredTensor> tensors = stored_tensors(files);
  const fs::path folder = fs::is_directory(path) ? path : path.parent_path();
  const Json config =
      fs::exists(folder / "config.json") ? read_json(folder / "config.json") : Json();

  Json shards = Json::array();
  for (const SafetensorsFile& file : files) {
    shards.push_back({{"file", file.path().filename().string()},
                      {"bytes", fs::file_size(file.path())},
                      {"tensors", file.entries().size()}});
  }
  Json report = model_summary(config, tensors);
  report["path"] = path.string();
  report["shards"] = std::move(shards);
  report["tokenizer"] = tokenizer_facts(folder);
  if (list_tensors) report["tensor_list"] = tensor_list(tensors);
  return report;
}

}  // namespace nvlm::eval
