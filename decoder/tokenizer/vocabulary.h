// Reads the names of tokens and the merges of a BPE model from `tokenizer.json`.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/json.h"

namespace nvlm::decoder {

/// Lets a map with string keys be searched by a view.
struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

template <class Value>
using StringMap = std::unordered_map<std::string, Value, StringHash, std::equal_to<>>;

/// The ids of `model.vocab` by name.
/// throws  std::runtime_error naming file and field: no object, an id that is no whole number from
///         0 to 2^31 - 1, two names with one id
StringMap<int32_t> parse_vocabulary(const Json& model, const std::string& where);

/// A pair of tokens that may be merged, in order of preference.
struct NamedMerge {
  std::string left, right;
  std::string where;  // "<file>: model.merges[3]", for errors
};

/// `model.merges`, spelled "a b" or ["a", "b"]; a line "#version..." is left out.
/// throws  std::runtime_error naming file and field
std::vector<NamedMerge> parse_merges(const Json& model, const std::string& where);

}  // namespace nvlm::decoder
