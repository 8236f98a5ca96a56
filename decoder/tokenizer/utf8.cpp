#include "decoder/tokenizer/utf8.h"

#include <cstdint>
#include <cstring>

namespace nvlm::decoder {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

/// What may follow a leading byte: how many continuation bytes, and the range of the first one.
struct LeadByte {
  size_t continuations;
  unsigned char first_low, first_high;
};

/// continuations = 0 for a byte that cannot lead a sequence of two or more.
LeadByte lead_byte(unsigned char lead) {
  if (lead >= 0xC2 && lead <= 0xDF) return {1, 0x80, 0xBF};
  if (lead == 0xE0) return {2, 0xA0, 0xBF};
  if (lead == 0xED) return {2, 0x80, 0x9F};  // no surrogates
  if (lead >= 0xE1 && lead <= 0xEF) return {2, 0x80, 0xBF};
  if (lead == 0xF0) return {3, 0x90, 0xBF};
  if (lead >= 0xF1 && lead <= 0xF3) return {3, 0x80, 0xBF};
  if (lead == 0xF4) return {3, 0x80, 0x8F};  // not beyond U+10FFFF
  return {0, 0, 0};
}

}  // namespace

Utf8Sequence utf8_sequence(std::string_view text, size_t position) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(position) < 0x80) return {1, Utf8Kind::kValid};
  const LeadByte lead = lead_byte(byte(position));
  if (lead.continuations == 0) return {1, Utf8Kind::kInvalid};
  for (size_t i = 1; i <= lead.continuations; ++i) {
    if (position + i >= text.size()) return {i, Utf8Kind::kIncomplete};
    const unsigned char low = i == 1 ? lead.first_low : 0x80;
    const unsigned char high = i == 1 ? lead.first_high : 0xBF;
    if (byte(position + i) < low || byte(position + i) > high) return {i, Utf8Kind::kInvalid};
  }
  return {lead.continuations + 1, Utf8Kind::kValid};
}

size_t valid_utf8_length(std::string_view text) {
  size_t position = 0;
  while (position < text.size()) {
    uint64_t eight = 0;
    while (position + sizeof(eight) <= text.size()) {  // eight ASCII characters at a time
      std::memcpy(&eight, text.data() + position, sizeof(eight));
      if ((eight & 0x8080808080808080ULL) != 0) break;
      position += sizeof(eight);
    }
    if (position == text.size()) break;
    const Utf8Sequence sequence = utf8_sequence(text, position);
    if (sequence.kind != Utf8Kind::kValid) break;
    position += sequence.length;
  }
  return position;
}

char32_t decode_utf8(std::string_view character) {
  const auto byte = [&](size_t i) {
    return static_cast<char32_t>(static_cast<unsigned char>(character[i]));
  };
  switch (character.size()) {
    case 1:
      return byte(0);
    case 2:
      return (byte(0) & 0x1F) << 6 | (byte(1) & 0x3F);
    case 3:
      return (byte(0) & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
    default:
      return (byte(0) & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 |
             (byte(3) & 0x3F);
  }
}

void append_utf8(char32_t code_point, std::string& text) {
  const auto push = [&](char32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    push(code_point);
  } else if (code_point < 0x800) {
    push(0xC0 | code_point >> 6);
    push(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    push(0xE0 | code_point >> 12);
    push(0x80 | (code_point >> 6 & 0x3F));
    push(0x80 | (code_point & 0x3F));
  } else {
    push(0xF0 | code_point >> 18);
    push(0x80 | (code_point >> 12 & 0x3F));
    push(0x80 | (code_point >> 6 & 0x3F));
    push(0x80 | (code_point & 0x3F));
  }
}

std::string take_utf8(std::string& pending, bool end_of_text) {
  std::string taken;
  size_t position = 0;
  while (position < pending.size()) {
    const size_t valid = valid_utf8_length(std::string_view(pending).substr(position));
    taken.append(pending, position, valid);
    position += valid;
    if (position == pending.size()) break;
    const Utf8Sequence sequence = utf8_sequence(pending, position);
    if (sequence.kind == Utf8Kind::kIncomplete && !end_of_text) break;
    taken += kReplacement;
    position += sequence.length;
  }
  pending.erase(0, position);
  return taken;
}

}  // namespace nvlm::decoder
