#include "eval/text/code_points.h"

#include <unicode/locid.h>
#include <unicode/unistr.h>

#include <cstddef>
#include <cstdint>

namespace nvlm::eval {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

/// Length of the valid sequence at `utf8[at]` and its code point; length 0 if there is none.
size_t decode_one(std::string_view utf8, size_t at, char32_t& code_point) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(utf8[at + i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) {
    code_point = first;
    return 1;
  }
  size_t length = 0;
  char32_t smallest = 0;
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2, smallest = 0x80, code_point = first & 0x1FU;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3, smallest = 0x800, code_point = first & 0x0FU;
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4, smallest = 0x10000, code_point = first & 0x07U;
  } else {
    return 0;
  }
  if (utf8.size() - at < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
    code_point = (code_point << 6U) | (byte(i) & 0x3FU);
  }
  const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
  return code_point < smallest || code_point > 0x10FFFF || surrogate ? 0 : length;
}

}  // namespace

std::u32string decode_utf8(std::string_view utf8) {
  std::u32string result;
  result.reserve(utf8.size());
  for (size_t at = 0; at < utf8.size();) {
    char32_t code_point = 0;
    const size_t length = decode_one(utf8, at, code_point);
    result.push_back(length == 0 ? kReplacement : code_point);
    at += length == 0 ? 1 : length;
  }
  return result;
}

void append_utf8(char32_t code_point, std::string& utf8) {
  if (code_point > 0x10FFFF || (code_point >= 0xD800 && code_point <= 0xDFFF)) {
    code_point = kReplacement;
  }
  const auto push = [&](uint32_t byte) { utf8.push_back(static_cast<char>(byte)); };
  const auto continuation = [&](unsigned shift) { push(0x80U | ((code_point >> shift) & 0x3FU)); };
  if (code_point < 0x80) {
    push(code_point);
  } else if (code_point < 0x800) {
    push(0xC0U | (code_point >> 6U));
    continuation(0);
  } else if (code_point < 0x10000) {
    push(0xE0U | (code_point >> 12U));
    continuation(6);
    continuation(0);
  } else {
    push(0xF0U | (code_point >> 18U));
    continuation(12);
    continuation(6);
    continuation(0);
  }
}

std::string encode_utf8(std::u32string_view code_points) {
  std::string result;
  result.reserve(code_points.size());
  for (const char32_t code_point : code_points) append_utf8(code_point, result);
  return result;
}

bool is_unicode_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
         c == 0x205F || c == 0x3000;
}

std::vector<std::u32string> split_words(std::u32string_view text) {
  std::vector<std::u32string> words;
  bool inside = false;
  for (const char32_t c : text) {
    const bool space = is_unicode_space(c);
    if (!space && !inside) words.emplace_back();
    if (!space) words.back().push_back(c);
    inside = !space;
  }
  return words;
}

std::u32string collapse_spaces(std::u32string_view text) {
  std::u32string result;
  bool pending = false;
  for (const char32_t c : text) {
    if (is_unicode_space(c)) {
      pending = !result.empty();
      continue;
    }
    if (pending) result.push_back(U' ');
    pending = false;
    result.push_back(c);
  }
  return result;
}

std::string lower_case(std::string_view utf8) {
  std::string result;
  icu::UnicodeString::fromUTF8(encode_utf8(decode_utf8(utf8)))
      .toLower(icu::Locale::getRoot())
      .toUTF8String(result);
  return result;
}

}  // namespace nvlm::eval
