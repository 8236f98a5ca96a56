#include "decoder/tokenizer/components.h"

#include <stdexcept>

namespace nvlm::decoder {
namespace {

constexpr int kDeepestSequence = 16;

void collect_components(const Json& json, std::string_view list_key, const std::string& where,
                        int depth, std::vector<Component>& found) {
  const auto type = json_get<std::string>(json, "type", where);
  if (type != "Sequence") {
    found.push_back({&json, type, where});
    return;
  }
  if (depth == kDeepestSequence) {
    throw std::runtime_error(where + ": more than " + std::to_string(kDeepestSequence) +
                             " Sequences inside one another");
  }
  const auto entry = json.find(list_key);
  if (entry == json.end() || !entry->is_array()) {
    throw std::runtime_error(where + ": '" + std::string(list_key) +
                             "' of a Sequence is missing or no list");
  }
  for (size_t i = 0; i < entry->size(); ++i) {
    collect_components((*entry)[i], list_key,
                       where + "." + std::string(list_key) + "[" + std::to_string(i) + "]",
                       depth + 1, found);
  }
}

}  // namespace

std::vector<Component> components(const Json& tokenizer, const std::string& part,
                                  std::string_view list_key, const std::string& file) {
  std::vector<Component> found;
  const auto entry = tokenizer.find(part);
  if (entry == tokenizer.end() || entry->is_null()) return found;
  collect_components(*entry, list_key, file + ": " + part, 0, found);
  return found;
}

void throw_unsupported(const Component& component, std::string_view expected) {
  throw std::runtime_error(component.where + ": type '" + component.type +
                           "' is not supported, expected " + std::string(expected));
}

std::string literal_pattern(const Component& component) {
  const auto pattern = json_get<Json>(*component.json, "pattern", component.where);
  const auto text = json_get<std::string>(pattern, "String", component.where + ".pattern");
  if (text.empty()) throw std::runtime_error(component.where + ".pattern: 'String' is empty");
  return text;
}

}  // namespace nvlm::decoder
