// What the fuzz targets share: a file made of the input, and which errors a parser may throw.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace nvlm::fuzz {

/// The input as a file that never touches a disk; gone with the object.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view content) : file_(memfd_create("fuzz", MFD_CLOEXEC)) {
    if (file_ < 0) throw std::logic_error("memfd_create failed");
    std::ofstream(path(), std::ios::binary) << content;
  }
  ~MemoryFile() { ::close(file_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(file_); }

 private:
  int file_;
};

inline std::string_view as_text(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Runs `parse` and swallows the errors that it may answer a bad file with. All others, c10::Error
/// and nlohmann's among them, end the program: they are findings.
template <class Parse>
void expect_clear_errors(const Parse& parse) {
  try {
    parse();
  } catch (const std::runtime_error&) {
  } catch (const std::invalid_argument&) {
  }
}

/// Ends the program, whatever the caller catches, where a property does not hold.
inline void require(bool holds) {
  if (!holds) __builtin_trap();
}

}  // namespace nvlm::fuzz
