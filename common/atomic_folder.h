// Folders that appear complete or not at all: filled under a temporary name, then renamed.
#pragma once

#include <filesystem>

namespace nvlm {

/// Absolute, behind symbolic links, without a slash at the end.
std::filesystem::path plain_folder_path(const std::filesystem::path& path);

/// A folder under construction. Until commit() only "<target>.<unique>.tmp" beside it exists; a
/// destructor that runs without commit() (an exception, for instance) removes that and leaves
/// `target` as it was.
class AtomicFolder {
 public:
  /// Makes the temporary folder, and the parents of `target` if need be.
  /// throws  std::runtime_error with the path and the reason
  explicit AtomicFolder(const std::filesystem::path& target);
  ~AtomicFolder();
  /// One that is never committed: for files that go with the object, in the system's folder for
  /// them.
  static AtomicFolder temporary();
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;

  /// Where the files go.
  const std::filesystem::path& path() const { return temporary_; }

  /// Renames onto the target. What stood there is removed with all its content, after the new
  /// folder has taken its place. Once only.
  /// throws  std::runtime_error with the path and the reason; the target is as it was then
  void commit();

 private:
  std::filesystem::path target_;
  std::filesystem::path temporary_;  // empty after commit()
};

}  // namespace nvlm
