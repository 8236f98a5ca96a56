// Builds picture files byte by byte, so that tests can get any part of them wrong.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace nvlm::test {

inline std::string big_endian_bytes(uint64_t value, int count) {
  std::string bytes;
  for (int shift = 8 * (count - 1); shift >= 0; shift -= 8) {
    bytes += static_cast<char>(value >> shift & 0xFFU);
  }
  return bytes;
}

inline std::string little_endian_bytes(uint64_t value, int count) {
  const std::string bytes = big_endian_bytes(value, count);
  return {bytes.rbegin(), bytes.rend()};
}

inline uint32_t crc32(std::string_view bytes) {
  uint32_t crc = 0xFFFFFFFFU;
  for (const char c : bytes) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
  }
  return ~crc;
}

inline std::string png_chunk(const std::string& type, const std::string& data) {
  return big_endian_bytes(data.size(), 4) + type + data + big_endian_bytes(crc32(type + data), 4);
}

/// A zlib stream of one stored block (at most 65535 bytes).
inline std::string zlib_stored(const std::string& raw) {
  uint32_t a = 1, b = 0;
  for (const char c : raw) {
    a = (a + static_cast<uint8_t>(c)) % 65521;
    b = (b + a) % 65521;
  }
  return std::string("\x78\x01\x01", 3) + little_endian_bytes(raw.size(), 2) +
         little_endian_bytes(~raw.size() & 0xFFFFU, 2) + raw + big_endian_bytes(b << 16 | a, 4);
}

inline constexpr std::string_view kPngMagic = "\x89PNG\r\n\x1a\n";

inline std::string png_header(uint64_t width, uint64_t height, int bits, int colour_type) {
  return png_chunk("IHDR", big_endian_bytes(width, 4) + big_endian_bytes(height, 4) +
                               static_cast<char>(bits) + static_cast<char>(colour_type) +
                               std::string(3, '\0'));
}

/// raw: per row a filter byte 0, then its samples. extra: whole chunks before the pixels.
inline std::string png_file(uint64_t width, uint64_t height, int bits, int colour_type,
                            const std::string& raw, const std::string& extra = "") {
  return std::string(kPngMagic) + png_header(width, height, bits, colour_type) + extra +
         png_chunk("IDAT", zlib_stored(raw)) + png_chunk("IEND", "");
}

/// An EXIF block (a TIFF directory with only the orientation).
inline std::string exif_block(int orientation) {
  return std::string("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01", 18) +
         big_endian_bytes(static_cast<uint64_t>(orientation), 2) + std::string(6, '\0');
}

}  // namespace nvlm::test
