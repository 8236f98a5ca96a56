#include "decoder/tokenizer/byte_level_alphabet.h"

#include <algorithm>
#include <numeric>

#include "decoder/tokenizer/utf8.h"

namespace nvlm::decoder {
namespace {

constexpr char32_t kLastCharacter = 0x143;  // 68 bytes have no printable character of their own

struct ByteLevelAlphabet {
  std::array<char32_t, 256> character{};
  std::array<int, kLastCharacter + 1> byte{};  // -1: not in the alphabet
  std::array<uint8_t, 256> order{};

  ByteLevelAlphabet() {
    byte.fill(-1);
    char32_t next = 0x100;
    for (size_t b = 0; b < 256; ++b) {
      const bool printable =
          (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || (b >= 0xAE && b <= 0xFF);
      character[b] = printable ? static_cast<char32_t>(b) : next++;
      byte[character[b]] = static_cast<int>(b);
    }
    std::iota(order.begin(), order.end(), uint8_t{0});
    std::sort(order.begin(), order.end(),
              [&](uint8_t a, uint8_t b) { return character[a] < character[b]; });
  }
};

const ByteLevelAlphabet& alphabet() {
  static const ByteLevelAlphabet instance;
  return instance;
}

}  // namespace

std::string to_byte_level(std::string_view bytes) {
  std::string spelling;
  for (const char byte : bytes) {
    append_utf8(alphabet().character[static_cast<unsigned char>(byte)], spelling);
  }
  return spelling;
}

std::optional<std::string> from_byte_level(std::string_view spelling) {
  std::string bytes;
  while (!spelling.empty()) {
    const Utf8Sequence sequence = utf8_sequence(spelling, 0);
    if (sequence.kind != Utf8Kind::kValid) return std::nullopt;
    const char32_t character = decode_utf8(spelling.substr(0, sequence.length));
    if (character > kLastCharacter || alphabet().byte[character] < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(alphabet().byte[character]));
    spelling.remove_prefix(sequence.length);
  }
  return bytes;
}

const std::array<uint8_t, 256>& byte_level_order() { return alphabet().order; }

}  // namespace nvlm::decoder
