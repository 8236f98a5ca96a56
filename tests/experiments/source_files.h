// Small sets of training data on disk, with everything that can be wrong with them.
#pragma once

#include <filesystem>
#include <string>

#include "common/atomic_file.h"
#include "tests/support/temp_dir.h"
#include "vision/image.h"

namespace nvlm::experiments {

/// A folder whose files a test writes.
class DataFolder {
 public:
  const DataFolder& text(const std::string& name, const std::string& content) const {
    make_parent(name);
    write_file_atomically(dir_ / name, content);
    return *this;
  }
  /// One grey picture.
  const DataFolder& picture(const std::string& name, int64_t width = 40,
                            int64_t height = 30) const {
    make_parent(name);
    vision::write_png(dir_ / name, at::full({height, width, 3}, 200, at::kByte));
    return *this;
  }
  /// NAME.png beside NAME.md with a table of `rows` body rows.
  const DataFolder& pair(const std::string& name, int rows = 1) const {
    picture(name + ".png");
    std::string table = "| a | b |\n| --- | --- |\n";
    for (int i = 0; i < rows; ++i) table += "| " + name + " | " + std::to_string(i) + " |\n";
    return text(name + ".md", table);
  }
  std::filesystem::path path() const { return dir_.path(); }
  std::filesystem::path operator/(const std::string& name) const { return dir_ / name; }

 private:
  void make_parent(const std::string& name) const {
    std::filesystem::create_directories((dir_ / name).parent_path());
  }
  test::TempDir dir_;
};

}  // namespace nvlm::experiments
