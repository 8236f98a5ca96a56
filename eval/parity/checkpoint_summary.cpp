#include "eval/parity/checkpoint_summary.h"

#include <c10/util/accumulate.h>

#include <algorithm>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "common/weight_store.h"
#include "decoder/tokenizer/tokenizer.h"
#include "fusion/model_family.h"

namespace nvlm::eval {
namespace {

using fusion::model_family;
using fusion::ModelFamily;

namespace fs = std::filesystem;

struct StoredTensor {
  std::string name, dtype, file;
  std::vector<int64_t> shape;
  int64_t elements = 0, bytes = 0;
  bool is_weight = false;  // floating-point
};

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

/// "model.layers.3.mlp.up_proj.weight" -> "model.layers", "model.norm.weight" -> "model.norm".
std::string module_of(const std::string& name) {
  std::string module;
  std::istringstream parts(name);
  std::string part, previous;
  while (std::getline(parts, part, '.')) {
    const bool is_number = !part.empty() && std::all_of(part.begin(), part.end(), [](char c) {
      return c >= '0' && c <= '9';
    });
    if (is_number && !previous.empty()) return module.empty() ? previous : module + "." + previous;
    if (!previous.empty()) module += (module.empty() ? "" : ".") + previous;
    previous = part;
  }
  return module.empty() ? previous : module;
}

/// The number behind the module's name: "model.layers.3..." -> 3; -1 if there is none.
int64_t index_in(const std::string& name, const std::string& module) {
  if (name.size() <= module.size() + 1) return -1;
  const std::string rest = name.substr(module.size() + 1);
  return rest[0] >= '0' && rest[0] <= '9' ? std::strtoll(rest.c_str(), nullptr, 10) : -1;
}

Json module_table(const std::vector<StoredTensor>& tensors) {
  struct Module {
    int64_t parameters = 0, tensors = 0, bytes = 0;
    std::set<int64_t> indices;
    std::set<std::string> dtypes;
  };
  std::map<std::string, Module> modules;
  for (const StoredTensor& tensor : tensors) {
    const std::string name = module_of(tensor.name);
    Module& module = modules[name];
    module.parameters += tensor.is_weight ? tensor.elements : 0;
    module.tensors += 1;
    module.bytes += tensor.bytes;
    module.dtypes.insert(tensor.dtype);
    const int64_t index = index_in(tensor.name, name);
    if (index >= 0) module.indices.insert(index);
  }
  Json table = Json::array();
  for (const auto& [name, module] : modules) {
    table.push_back({{"module", name},
                     {"count", std::max<size_t>(module.indices.size(), 1)},
                     {"parameters", module.parameters},
                     {"tensors", module.tensors},
                     {"bytes", module.bytes},
                     {"dtypes", module.dtypes}});
  }
  return table;
}

/// The number under the first of these names (the family's and GPT-2's); 0 if there is none.
int64_t number_in(const Json& config, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const auto member = config.find(name);
    if (member != config.end() && member->is_number_integer()) return member->get<int64_t>();
  }
  return 0;
}

/// The part of config.json that describes the decoder; null for an encoder.
Json decoder_config(const Json& config) {
  for (const char* name : {"llm_config", "text_config"}) {
    if (config.is_object() && config.contains(name)) return config[name];
  }
  const bool is_encoder = model_family(config) == ModelFamily::kInternVit;
  return config.is_object() && !is_encoder ? config : Json();
}

struct CacheShape {
  int64_t layers = 0, kv_heads = 0, head_dim = 0;

  /// Numbers that are kept for one token: keys and values of all layers.
  int64_t elements_per_token() const { return 2 * layers * kv_heads * head_dim; }
};

/// Nothing if the configuration does not say enough, or not sensibly.
std::optional<CacheShape> cache_shape(const Json& config) {
  constexpr int64_t kLargest = 1 << 20;
  if (!config.is_object()) return std::nullopt;
  CacheShape shape;
  const int64_t hidden = number_in(config, {"hidden_size", "n_embd"});
  const int64_t heads = number_in(config, {"num_attention_heads", "n_head"});
  shape.layers = number_in(config, {"num_hidden_layers", "n_layer"});
  const auto cross = config.find("cross_attention_layers");  // their keys belong to the picture
  if (cross != config.end() && cross->is_array()) {
    shape.layers -= static_cast<int64_t>(cross->size());
  }
  shape.kv_heads = number_in(config, {"num_key_value_heads"});
  if (shape.kv_heads == 0) shape.kv_heads = heads;
  shape.head_dim = number_in(config, {"head_dim"});
  if (shape.head_dim == 0 && heads > 0) shape.head_dim = hidden / heads;
  for (const int64_t size : {shape.layers, shape.kv_heads, shape.head_dim}) {
    if (size < 1 || size > kLargest) return std::nullopt;
  }
  return shape;
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

  int64_t parameters = 0, bytes = 0;
  std::map<std::string, int64_t> dtypes;
  for (const StoredTensor& tensor : tensors) {
    parameters += tensor.is_weight ? tensor.elements : 0;
    bytes += tensor.bytes;
    dtypes[tensor.dtype] += tensor.elements;
  }
  Json shards = Json::array();
  for (const SafetensorsFile& file : files) {
    shards.push_back({{"file", file.path().filename().string()},
                      {"bytes", fs::file_size(file.path())},
                      {"tensors", file.entries().size()}});
  }
  Json report = {{"path", path.string()},
                 {"family", fusion::name(model_family(config))},
                 {"architecture", fusion::architecture_of(config)},
                 {"parameters", parameters},
                 {"tensors", tensors.size()},
                 {"bytes", bytes},
                 {"elements_by_dtype", dtypes},
                 {"shards", std::move(shards)},
                 {"modules", module_table(tensors)},
                 {"weights_bytes", {{"float32", 4 * parameters}, {"bfloat16", 2 * parameters}}},
                 {"tokenizer", tokenizer_facts(folder)}};
  const Json text_config = decoder_config(config);
  if (const auto cache = cache_shape(text_config)) {
    report["kv_cache_bytes_per_token"] = {{"float32", 4 * cache->elements_per_token()},
                                          {"bfloat16", 2 * cache->elements_per_token()}};
  }
  if (text_config.is_object() && number_in(text_config, {"vocab_size"}) > 0) {
    report["vocab_size"] = number_in(text_config, {"vocab_size"});
  }
  if (!list_tensors) return report;
  Json list = Json::array();
  for (const StoredTensor& tensor : tensors) {
    list.push_back({{"name", tensor.name},
                    {"dtype", tensor.dtype},
                    {"shape", tensor.shape},
                    {"file", tensor.file}});
  }
  report["tensor_list"] = std::move(list);
  return report;
}

}  // namespace nvlm::eval
