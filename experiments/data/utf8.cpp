#include "experiments/data/utf8.h"

#include <stdexcept>

namespace nvlm::experiments {

std::u32string code_points(std::string_view utf8) {
  std::u32string result;
  result.reserve(utf8.size());
  for (size_t i = 0; i < utf8.size();) {
    const auto lead = static_cast<unsigned char>(utf8[i]);
    const size_t length = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : 4;
    if ((lead >= 0x80 && lead < 0xC2) || lead > 0xF4 || i + length > utf8.size()) {
      throw std::invalid_argument("data.utf8: malformed UTF-8 at byte " + std::to_string(i));
    }
    char32_t value = length == 1 ? lead : lead & (0x7F >> length);
    for (size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(utf8[i + k]);
      if (next >> 6 != 2) {
        throw std::invalid_argument("data.utf8: malformed UTF-8 at byte " + std::to_string(i + k));
      }
      value = (value << 6) | (next & 0x3F);
    }
    result.push_back(value);
    i += length;
  }
  return result;
}

int64_t num_code_points(std::string_view utf8) {
  int64_t count = 0;
  for (const char byte : utf8) count += (static_cast<unsigned char>(byte) >> 6) != 2;
  return count;
}

std::string to_utf8(char32_t c) {
  std::string result;
  if (c < 0x80) {
    result = {static_cast<char>(c)};
  } else if (c < 0x800) {
    result = {static_cast<char>(0xC0 | (c >> 6)), static_cast<char>(0x80 | (c & 0x3F))};
  } else if (c < 0x10000) {
    result = {static_cast<char>(0xE0 | (c >> 12)), static_cast<char>(0x80 | ((c >> 6) & 0x3F)),
              static_cast<char>(0x80 | (c & 0x3F))};
  } else {
    result = {static_cast<char>(0xF0 | (c >> 18)), static_cast<char>(0x80 | ((c >> 12) & 0x3F)),
              static_cast<char>(0x80 | ((c >> 6) & 0x3F)), static_cast<char>(0x80 | (c & 0x3F))};
  }
  return result;
}

}  // namespace nvlm::experiments
