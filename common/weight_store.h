// The weights of a checkpoint folder by name, whether they lie in one file or in shards.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/weight_source.h"

namespace nvlm {

class WeightStore : public WeightSource {
 public:
  /// Opens a folder with model.safetensors or, where that is absent, model.safetensors.index.json,
  /// or one of these files, or any single .safetensors file. Every shard is opened and
  /// checked, so a missing or damaged one is reported here.
  /// throws  std::runtime_error naming the folder, the missing shard, or the tensor that the index
  ///         places in a shard which lacks it
  static WeightStore open(const std::filesystem::path& folder_or_file);

  /// All tensor names, sorted; tensors of a shard that the index forgot are included.
  std::vector<std::string> names() const override;
  bool contains(const std::string& name) const override { return shard_of_.count(name) > 0; }

  /// Zero-copy, see SafetensorsFile::tensor.
  /// throws  std::runtime_error if there is no such tensor
  Tensor tensor(const std::string& name) const override;

  /// Shape and dtype without touching the data. Throws like tensor().
  TensorEntry entry(const std::string& name) const override;

  void release(const std::string& name, int64_t begin, int64_t end) const override;

  /// What was opened, as given; for messages.
  const std::filesystem::path& path() const override { return path_; }
  /// The .safetensors files, in the order of their names.
  std::vector<std::filesystem::path> files() const;

 private:
  const SafetensorsFile& shard(const std::string& name) const;

  std::filesystem::path path_;
  std::vector<SafetensorsFile> shards_;
  std::map<std::string, size_t> shard_of_;
};

}  // namespace nvlm
