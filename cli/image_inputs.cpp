#include "cli/image_inputs.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "common/error.h"

namespace nvlm::cli {
namespace {

namespace fs = std::filesystem;

bool is_picture(const fs::path& path) {
  static const std::set<std::string> kEndings = {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"};
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return kEndings.count(ending) > 0;
}

}  // namespace

std::vector<fs::path> image_inputs(const std::vector<std::string>& names) {
  if (names.empty()) throw UsageError("expected at least one picture or folder");
  std::vector<fs::path> files;
  for (const std::string& name : names) {
    if (!fs::is_directory(name)) {
      files.emplace_back(name);
      continue;
    }
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(name)) {
      if (entry.is_regular_file() && is_picture(entry.path())) found.push_back(entry.path());
    }
    if (found.empty()) throw UsageError("'" + name + "' holds no PNG, JPEG, WebP or TIFF file");
    std::sort(found.begin(), found.end());
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

}  // namespace nvlm::cli
