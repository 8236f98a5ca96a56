// UTF-8 that may be broken: finding well-formed sequences, and the standard replacement of others.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace nvlm::decoder {

enum class Utf8Kind {
  kValid,       // one well-formed character
  kInvalid,     // bytes that no continuation could make well-formed
  kIncomplete,  // the text ends inside a character that is well-formed so far
};

struct Utf8Sequence {
  size_t length;  // bytes; for kInvalid the longest prefix that could have begun a character
  Utf8Kind kind;
};

/// The sequence that begins at text[position]; position < text.size().
/// source  The Unicode Standard, table 3-7 and "U+FFFD substitution of maximal subparts"
Utf8Sequence utf8_sequence(std::string_view text, size_t position);

/// Bytes of the longest well-formed prefix.
size_t valid_utf8_length(std::string_view text);

/// The code point of one well-formed character.
char32_t decode_utf8(std::string_view character);

/// Appends the UTF-8 form of a code point.
void append_utf8(char32_t code_point, std::string& text);

/// Removes from the front of `pending` all that later bytes cannot change and returns it as valid
/// UTF-8: well-formed characters as they are, U+FFFD for each broken stretch.
/// end_of_text  nothing follows: an unfinished character at the end is broken, too
std::string take_utf8(std::string& pending, bool end_of_text);

/// Cuts `text` into stretches of well-formed and of other bytes and calls run(stretch, is_valid)
/// for each, in order.
template <class Run>
void for_each_utf8_run(std::string_view text, const Run& run) {
  while (!text.empty()) {
    const size_t valid = valid_utf8_length(text);
    if (valid > 0) run(text.substr(0, valid), true);
    text.remove_prefix(valid);
    size_t broken = 0;
    while (broken < text.size()) {
      const Utf8Sequence sequence = utf8_sequence(text, broken);
      if (sequence.kind == Utf8Kind::kValid) break;
      broken += sequence.length;
    }
    if (broken > 0) run(text.substr(0, broken), false);
    text.remove_prefix(broken);
  }
}

}  // namespace nvlm::decoder
