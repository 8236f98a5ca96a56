// The characters that the reader is taught: one class each, class 0 = none.
#pragma once

#include <cstdint>
#include <string_view>

namespace nvlm::experiments {

/// Printable ASCII without the space, then symbols of tables. The order is part of the format of
/// trained readers: append only.
inline constexpr std::u32string_view kAlphabet =
    U"!\"#$%&'()*+,-./"
    U"0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"
    U"\u20AC\u00A3\u00B0\u00B1\u2013\u00D7\u00B5\u00B2\u00B9\u00B3\u2020\u2021\u00A7";

/// Classes of the reader, "none" included.
inline constexpr int64_t kNumClasses = static_cast<int64_t>(kAlphabet.size()) + 1;

/// The class of a character, 1 .. kNumClasses - 1; 0 for blanks and characters outside kAlphabet.
constexpr int64_t character_class(char32_t character) {
  const size_t position = kAlphabet.find(character);
  return position == std::u32string_view::npos ? 0 : static_cast<int64_t>(position) + 1;
}

/// The character of a class, U' ' for class 0 and for numbers outside 0 .. kNumClasses - 1.
constexpr char32_t class_character(int64_t character_class) {
  if (character_class < 1 || character_class >= kNumClasses) return U' ';
  return kAlphabet[static_cast<size_t>(character_class - 1)];
}

}  // namespace nvlm::experiments
