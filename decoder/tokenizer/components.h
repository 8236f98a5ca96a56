// The parts of a `tokenizer.json` share one form: null, one {"type": ...}, or a Sequence of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/json.h"

namespace nvlm::decoder {

/// One entry of a part, with Sequences opened.
struct Component {
  const Json* json;
  std::string type;
  std::string where;  // "<file>: pre_tokenizer.pretokenizers[1]", for errors
};

/// The entries of tokenizer[part] in order; none if it is absent or null.
/// list_key  what the list of a Sequence is called there, e.g. "pretokenizers"
/// throws    std::runtime_error naming file and field if it has another form
std::vector<Component> components(const Json& tokenizer, const std::string& part,
                                  std::string_view list_key, const std::string& file);

/// Throws std::runtime_error "<where>: type 'X' is not supported, expected <expected>".
[[noreturn]] void throw_unsupported(const Component& component, std::string_view expected);

/// The value of {"pattern": {"String": ...}} of a Replace; a Regex there is an error.
std::string literal_pattern(const Component& component);

}  // namespace nvlm::decoder
