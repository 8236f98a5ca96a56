#include "common/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace nvlm {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void throw_cannot_write(const fs::path& path, const std::string& reason) {
  throw std::runtime_error("cannot write '" + path.string() + "': " + reason);
}

std::string reason_of(int error) { return error != 0 ? std::strerror(error) : "write failed"; }

// Where a rename must go so that a symbolic link keeps pointing at its file.
fs::path behind_links(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_symlink(path, ignored)) return path;
  const fs::path resolved = fs::weakly_canonical(path, ignored);
  return resolved.empty() ? path : resolved;
}

// Creates a file that no other process or thread has; returns its name.
fs::path create_unique(const fs::path& target) {
  static std::atomic<uint64_t> counter{0};
  for (int attempt = 0; attempt < 1000; ++attempt) {
    fs::path name = target;
    name += "." + std::to_string(getpid()) + "-" + std::to_string(counter++) + ".tmp";
    const int file = ::open(name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
    if (file >= 0) {
      ::close(file);
      return name;
    }
    if (errno != EEXIST) throw_cannot_write(target, reason_of(errno));
  }
  throw_cannot_write(target, "too many temporary files beside it");
}

// Returns 0 or the error number.
int sync_to_disk(const fs::path& path, int flags) {
  const int file = ::open(path.c_str(), flags | O_CLOEXEC);
  if (file < 0) return errno;
  const int error = ::fsync(file) == 0 ? 0 : errno;
  ::close(file);
  return error;
}

}  // namespace

AtomicFile::AtomicFile(const fs::path& path) : target_(behind_links(path)) {
  std::error_code ignored;
  const fs::file_status status = fs::status(target_, ignored);
  if (fs::is_directory(status)) throw_cannot_write(path, "it is a folder");
  const fs::path folder = target_.has_parent_path() ? target_.parent_path() : ".";
  if (!fs::is_directory(folder, ignored)) {
    throw_cannot_write(path, "there is no folder '" + folder.string() + "'");
  }
  const bool replaceable = !fs::exists(status) || fs::is_regular_file(status);
  if (replaceable) temporary_ = create_unique(target_);
  stream_.open(replaceable ? temporary_ : target_, std::ios::binary);
  if (!stream_) {
    const std::string reason = reason_of(errno);
    if (replaceable) fs::remove(temporary_, ignored);
    throw_cannot_write(path, reason);
  }
}

AtomicFile::~AtomicFile() {
  stream_.close();
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove(temporary_, ignored);
}

void AtomicFile::commit() {
  errno = 0;
  stream_.flush();
  const bool written = static_cast<bool>(stream_);
  const int write_error = errno;
  stream_.close();
  if (!written || stream_.fail()) throw_cannot_write(target_, reason_of(write_error));
  if (temporary_.empty()) return;  // a device or a pipe
  if (const int error = sync_to_disk(temporary_, O_RDONLY); error != 0) {
    throw_cannot_write(target_, reason_of(error));
  }
  std::error_code error;
  fs::rename(temporary_, target_, error);
  if (error) throw_cannot_write(target_, error.message());
  temporary_.clear();
  // The content is safe by now; some file systems cannot sync a folder, and that is no failure.
  const fs::path folder = target_.has_parent_path() ? target_.parent_path() : ".";
  sync_to_disk(folder, O_RDONLY | O_DIRECTORY);
}

void write_file_atomically(const fs::path& path, std::string_view content) {
  AtomicFile file(path);
  file.stream().write(content.data(), static_cast<std::streamsize>(content.size()));
  file.commit();
}

std::string read_text_file(const fs::path& path) {
  const auto throw_cannot_read = [&](const std::string& reason) {
    throw std::runtime_error("cannot read '" + path.string() + "': " + reason);
  };
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) throw_cannot_read("it is a folder");
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) throw_cannot_read(reason_of(errno != 0 ? errno : ENOENT));
  std::string content;
  char buffer[1 << 16];
  while (file.read(buffer, sizeof buffer) || file.gcount() > 0) {
    content.append(buffer, static_cast<size_t>(file.gcount()));
  }
  if (file.bad()) throw_cannot_read("read error");
  return content;
}

}  // namespace nvlm
