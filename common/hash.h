// SHA-256 of bytes and files, for manifests. source: FIPS 180-4
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace nvlm {

/// Incremental SHA-256.
class Sha256 {
 public:
  void update(std::string_view bytes);
  /// 64 lower-case hexadecimal digits. Ends the computation: call once.
  std::string hex_digest();

 private:
  void compress(const unsigned char* block);

  std::array<uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<unsigned char, 64> buffer_{};
  size_t buffered_ = 0;
  uint64_t length_ = 0;  // bytes
};

/// SHA-256 of `bytes` in hexadecimal.
std::string sha256(std::string_view bytes);

/// SHA-256 of a file's content in hexadecimal, read in pieces.
/// throws  std::runtime_error "cannot read '<path>': <reason>"
std::string sha256_file(const std::filesystem::path& path);

}  // namespace nvlm
