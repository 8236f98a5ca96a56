// GPT-2's printable stand-ins for bytes, in which byte-level vocabularies are written: "Ġthe" for
// the bytes " the".
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nvlm::decoder {

/// The printable spelling of a byte string: one character for each byte.
std::string to_byte_level(std::string_view bytes);

/// The bytes that a spelling stands for; nothing if a character is outside the alphabet.
std::optional<std::string> from_byte_level(std::string_view spelling);

/// All 256 bytes in the order of their characters, which is the order of GPT-2's first 256 ids.
const std::array<uint8_t, 256>& byte_level_order();

}  // namespace nvlm::decoder
