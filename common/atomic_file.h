// Files that appear complete or not at all: written under a temporary name, fsynced, renamed.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace nvlm {

/// A file under construction. Until commit() only "<path>.<unique>.tmp" exists; a destructor that
/// runs without commit() (an exception, for instance) removes it and leaves `path` untouched.
/// A `path` that is a device or a pipe (/dev/stdout) is written to directly, since replacing it by
/// a regular file would be wrong.
class AtomicFile {
 public:
  /// Opens the temporary file next to `path`, whose folder must exist.
  /// throws  std::runtime_error with the path and the reason
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Where the content goes, in binary mode. Write errors are reported by commit().
  std::ostream& stream() { return stream_; }

  /// Flushes, syncs to disk and renames onto the final path, replacing what stood there. Once only.
  /// throws  std::runtime_error if anything could not be written; nothing is replaced then
  void commit();

 private:
  std::filesystem::path target_;
  std::filesystem::path temporary_;  // empty: target_ is written to directly, or committed
  std::ofstream stream_;
};

/// Writes `content` to `path`, replacing what stood there, through AtomicFile.
void write_file_atomically(const std::filesystem::path& path, std::string_view content);

/// The whole file as bytes.
/// throws  std::runtime_error "cannot read '<path>': <reason>"
std::string read_text_file(const std::filesystem::path& path);

}  // namespace nvlm
