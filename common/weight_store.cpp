#include "common/weight_store.h"

#include <stdexcept>
#include <utility>

#include "common/json.h"

namespace nvlm {
namespace {

namespace fs = std::filesystem;
constexpr const char* kSingleFile = "model.safetensors";
constexpr const char* kIndexFile = "model.safetensors.index.json";

fs::path find_weights(const fs::path& path) {
  if (!fs::exists(path)) throw std::runtime_error("'" + path.string() + "' does not exist");
  if (!fs::is_directory(path)) return path;
  for (const char* name : {kSingleFile, kIndexFile}) {
    if (fs::exists(path / name)) return path / name;
  }
  std::string hint;
  if (fs::exists(path / "pytorch_model.bin") || fs::exists(path / "pytorch_model.bin.index.json")) {
    hint = "; pytorch_model.bin must be converted to safetensors first";
  }
  throw std::runtime_error("'" + path.string() + "' holds neither " + kSingleFile + " nor " +
                           kIndexFile + hint);
}

// Tensor name -> file name, from an index.
std::map<std::string, std::string> read_weight_map(const fs::path& index) {
  const Json root = read_json(index);
  const auto map = root.is_object() ? root.find("weight_map") : root.end();
  if (map == root.end() || !map->is_object() || map->empty()) {
    throw std::runtime_error(index.string() + ": expected an object 'weight_map' with entries");
  }
  std::map<std::string, std::string> result;
  for (const auto& [name, file] : map->items()) {
    // A file name only: an index must not lead out of its folder.
    const bool plain = file.is_string() && !file.get<std::string>().empty() &&
                       fs::path(file.get<std::string>()).filename() == file.get<std::string>();
    if (!plain) {
      throw std::runtime_error(index.string() + ": '" + name + "' is placed in " + file.dump() +
                               ", expected a file name");
    }
    result[name] = file.get<std::string>();
  }
  return result;
}

}  // namespace

WeightStore WeightStore::open(const fs::path& folder_or_file) {
  WeightStore store;
  store.path_ = folder_or_file;
  const fs::path weights = find_weights(folder_or_file);
  if (weights.extension() != ".json") {
    store.shards_.push_back(SafetensorsFile::open(weights));
    for (const auto& [name, entry] : store.shards_[0].entries()) store.shard_of_[name] = 0;
    return store;
  }
  const std::map<std::string, std::string> weight_map = read_weight_map(weights);
  std::map<std::string, size_t> shard_number;  // by file name
  for (const auto& [name, file] : weight_map) shard_number[file] = 0;
  for (auto& [file, number] : shard_number) {
    const fs::path shard = weights.parent_path() / file;
    if (!fs::exists(shard)) {
      throw std::runtime_error("'" + weights.parent_path().string() + "' lacks the shard '" + file +
                               "' that its index names");
    }
    number = store.shards_.size();
    store.shards_.push_back(SafetensorsFile::open(shard));
  }
  for (const auto& [name, file] : weight_map) {
    const size_t number = shard_number[file];
    if (!store.shards_[number].contains(name)) {
      throw std::runtime_error("the index places '" + name + "' in '" + file +
                               "', which does not hold it ('" + weights.parent_path().string() +
                               "')");
    }
    store.shard_of_[name] = number;
  }
  for (size_t number = 0; number < store.shards_.size(); ++number) {
    for (const auto& [name, entry] : store.shards_[number].entries()) {
      store.shard_of_.emplace(name, number);
    }
  }
  return store;
}

std::vector<std::string> WeightStore::names() const {
  std::vector<std::string> result;
  for (const auto& [name, number] : shard_of_) result.push_back(name);
  return result;
}

const SafetensorsFile& WeightStore::shard(const std::string& name) const {
  const auto found = shard_of_.find(name);
  if (found == shard_of_.end()) {
    throw std::runtime_error("'" + path_.string() + "' holds no tensor '" + name + "'");
  }
  return shards_[found->second];
}

Tensor WeightStore::tensor(const std::string& name) const { return shard(name).tensor(name); }

TensorEntry WeightStore::entry(const std::string& name) const {
  return shard(name).entries().at(name);
}

void WeightStore::release(const std::string& name, int64_t begin, int64_t end) const {
  shard(name).release(name, begin, end);
}

std::vector<fs::path> WeightStore::files() const {
  std::vector<fs::path> result;
  for (const SafetensorsFile& shard : shards_) result.push_back(shard.path());
  return result;
}

}  // namespace nvlm
