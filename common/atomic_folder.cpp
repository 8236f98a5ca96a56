#include "common/atomic_folder.h"

#include <unistd.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <system_error>

namespace nvlm {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void throw_cannot_make(const fs::path& path, const std::error_code& error) {
  throw std::runtime_error("cannot write the folder '" + path.string() + "': " + error.message());
}

/// A name beside `target` that no other process or thread has.
fs::path sibling(const fs::path& target, const char* ending) {
  static std::atomic<uint64_t> counter{0};
  fs::path name = target;
  name += "." + std::to_string(getpid()) + "-" + std::to_string(counter++) + ending;
  return name;
}

}  // namespace

fs::path plain_folder_path(const fs::path& path) {
  const fs::path plain = fs::weakly_canonical(fs::absolute(path));
  return plain.has_filename() ? plain : plain.parent_path();
}

AtomicFolder::AtomicFolder(const fs::path& target) : target_(plain_folder_path(target)) {
  std::error_code error;
  if (fs::exists(target_) && !fs::is_directory(target_)) {
    throw_cannot_make(target, std::make_error_code(std::errc::not_a_directory));
  }
  fs::create_directories(target_.parent_path(), error);
  if (error) throw_cannot_make(target, error);
  const fs::path temporary = sibling(target_, ".tmp");
  if (!fs::create_directory(temporary, error)) {
    throw_cannot_make(target, error ? error : std::make_error_code(std::errc::file_exists));
  }
  temporary_ = temporary;
}

AtomicFolder AtomicFolder::temporary() { return AtomicFolder(fs::temp_directory_path() / "nvlm"); }

AtomicFolder::~AtomicFolder() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
}

void AtomicFolder::commit() {
  std::error_code error;
  fs::path old;
  if (fs::exists(target_)) {
    old = sibling(target_, ".old.tmp");
    fs::rename(target_, old, error);
    if (error) throw_cannot_make(target_, error);
  }
  fs::rename(temporary_, target_, error);
  if (error) {
    std::error_code ignored;
    if (!old.empty()) fs::rename(old, target_, ignored);
    throw_cannot_make(target_, error);
  }
  temporary_.clear();
  if (!old.empty()) fs::remove_all(old, error);
}

}  // namespace nvlm
