// Reads numbers out of a file's bytes; every read is checked against the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace nvlm::vision {

/// Why a picture cannot be read, without the path; read_image adds it.
struct ImageFileError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A view on bytes with a byte order.
class ByteReader {
 public:
  ByteReader(std::string_view bytes, bool big_endian) : bytes_(bytes), big_endian_(big_endian) {}

  uint64_t size() const { return bytes_.size(); }
  bool has(uint64_t offset, uint64_t count) const {
    return offset <= bytes_.size() && count <= bytes_.size() - offset;
  }

  /// Unsigned number of 1 to 8 bytes at `offset`. throws ImageFileError past the end
  uint64_t number(uint64_t offset, int count) const {
    const std::string_view part = slice(offset, static_cast<uint64_t>(count));
    uint64_t value = 0;
    for (int i = 0; i < count; ++i) {
      const int at = big_endian_ ? i : count - 1 - i;
      value = value << 8 | static_cast<uint8_t>(part[static_cast<size_t>(at)]);
    }
    return value;
  }
  uint32_t u8(uint64_t offset) const { return static_cast<uint32_t>(number(offset, 1)); }
  uint32_t u16(uint64_t offset) const { return static_cast<uint32_t>(number(offset, 2)); }
  uint32_t u24(uint64_t offset) const { return static_cast<uint32_t>(number(offset, 3)); }
  uint32_t u32(uint64_t offset) const { return static_cast<uint32_t>(number(offset, 4)); }

  /// Part of the bytes. throws ImageFileError past the end
  std::string_view slice(uint64_t offset, uint64_t count) const {
    if (!has(offset, count)) {
      throw ImageFileError("truncated: " + std::to_string(count) + " bytes expected at byte " +
                           std::to_string(offset) + ", but the file ends after " +
                           std::to_string(bytes_.size()) + " bytes");
    }
    return bytes_.substr(static_cast<size_t>(offset), static_cast<size_t>(count));
  }

 private:
  std::string_view bytes_;
  bool big_endian_;
};

}  // namespace nvlm::vision
