// UTF-8 from anywhere (models, files) as code points, and back. Never throws on bad bytes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nvlm::eval {

/// Code points of `utf8`; every byte that is no part of valid UTF-8 becomes one U+FFFD.
std::u32string decode_utf8(std::string_view utf8);

/// Appends the UTF-8 of one code point; surrogates and values above U+10FFFF become U+FFFD.
void append_utf8(char32_t code_point, std::string& utf8);

/// UTF-8 of `code_points`; see append_utf8.
std::string encode_utf8(std::u32string_view code_points);

/// Unicode White_Space and the separators U+001C..U+001F, the set that Python's str.split() uses.
bool is_unicode_space(char32_t code_point);

/// Words: the longest pieces without white space, as code points.
std::vector<std::u32string> split_words(std::u32string_view text);

/// Each run of white space becomes one blank; none at either end.
std::u32string collapse_spaces(std::u32string_view text);

/// Lower case by Unicode's full mapping without a language ("ÉCOLE" -> "école").
std::string lower_case(std::string_view utf8);

}  // namespace nvlm::eval
