#include "eval/inspection/module_table.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>

namespace nvlm::eval {
namespace {

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

}  // namespace

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

}  // namespace nvlm::eval
