#include "decoder/tokenizer/vocabulary.h"

#include <stdexcept>

namespace nvlm::decoder {

StringMap<int32_t> parse_vocabulary(const Json& model, const std::string& where) {
  const auto vocab = model.find("vocab");
  if (vocab == model.end()) throw std::runtime_error(where + ": 'vocab' is missing");
  if (!vocab->is_object()) throw std::runtime_error(where + ": 'vocab' is no object");
  if (vocab->empty()) throw std::runtime_error(where + ": 'vocab' is empty");
  StringMap<int32_t> ids;
  ids.reserve(vocab->size());
  std::unordered_map<int32_t, std::string_view> names;
  for (const auto& [name, value] : vocab->items()) {
    const auto id = json_get<int32_t>(*vocab, name, where + ".vocab");
    if (id < 0) {
      throw std::runtime_error(where + ".vocab: '" + name + "' has id " + std::to_string(id) +
                               ", expected 0 or more");
    }
    const auto [other, is_new] = names.emplace(id, ids.emplace(name, id).first->first);
    if (!is_new) {
      throw std::runtime_error(where + ".vocab: '" + name + "' and '" + std::string(other->second) +
                               "' have the same id " + std::to_string(id));
    }
  }
  return ids;
}

std::vector<NamedMerge> parse_merges(const Json& model, const std::string& where) {
  const auto list = model.find("merges");
  if (list == model.end()) throw std::runtime_error(where + ": 'merges' is missing");
  if (!list->is_array()) throw std::runtime_error(where + ": 'merges' is no list");
  std::vector<NamedMerge> merges;
  merges.reserve(list->size());
  for (size_t i = 0; i < list->size(); ++i) {
    const Json& entry = (*list)[i];
    const std::string entry_where = where + ".merges[" + std::to_string(i) + "]";
    if (entry.is_string()) {
      const auto& line = entry.get_ref<const std::string&>();
      if (line.starts_with("#version")) continue;
      const size_t space = line.find(' ');
      if (space == std::string::npos || line.find(' ', space + 1) != std::string::npos) {
        throw std::runtime_error(entry_where + ": '" + line +
                                 "', expected two tokens with one space between");
      }
      merges.push_back({line.substr(0, space), line.substr(space + 1), entry_where});
    } else if (entry.is_array() && entry.size() == 2 && entry[0].is_string() &&
               entry[1].is_string()) {
      merges.push_back({entry[0], entry[1], entry_where});
    } else {
      throw std::runtime_error(entry_where + ": expected \"a b\" or [\"a\", \"b\"]");
    }
  }
  return merges;
}

}  // namespace nvlm::decoder
