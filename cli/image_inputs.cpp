#include "cli/image_inputs.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "common/error.h"

namespace nvlm::cli {
namespace {

namespace fs = std::filesystem;

bool is_input(const fs::path& path) {
  static const std::set<std::string> kEndings = {".png", ".jpg",  ".jpeg", ".webp",
                                                 ".tif", ".tiff", ".pdf"};
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return kEndings.count(ending) > 0;
}

}  // namespace

std::vector<fs::path> image_inputs(const std::vector<std::string>& names) {
  if (names.empty()) throw UsageError("expected at least one picture, PDF or folder");
  std::vector<fs::path> files;
  for (const std::string& name : names) {
    if (!fs::is_directory(name)) {
      files.emplace_back(name);
      continue;
    }
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(name)) {
      if (entry.is_regular_file() && is_input(entry.path())) found.push_back(entry.path());
    }
    if (found.empty())
      throw UsageError("'" + name + "' holds no PNG, JPEG, WebP, TIFF or PDF file");
    std::sort(found.begin(), found.end());
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

std::vector<std::string> output_names(const std::vector<fs::path>& inputs,
                                      const std::string& ending) {
  std::map<std::string, int> with_stem;
  for (const fs::path& input : inputs) ++with_stem[input.stem().string()];
  std::set<std::string> taken;
  std::vector<std::string> names;
  for (const fs::path& input : inputs) {
    const bool is_unique = with_stem[input.stem().string()] == 1;
    const std::string base = is_unique ? input.stem().string() : input.filename().string();
    std::string name = base + ending;
    for (int number = 2; !taken.insert(name).second; ++number) {
      name = base + "-" + std::to_string(number) + ending;
    }
    names.push_back(std::move(name));
  }
  return names;
}

}  // namespace nvlm::cli
