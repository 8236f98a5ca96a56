// Characters that HTML gives a meaning.
#pragma once

#include <string_view>

namespace nvlm::eval {

/// What stands for `c` between tags: "&amp;", "&lt;", "&gt;"; empty for a character that stands for
/// itself. Attributes need more: a quotation mark.
constexpr std::string_view html_entity(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    default:
      return {};
  }
}

}  // namespace nvlm::eval
