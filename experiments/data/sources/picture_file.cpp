#include "experiments/data/sources/picture_file.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <stdexcept>
#include <string>

#include "vision/image.h"

namespace nvlm::experiments {

bool has_picture_name(const std::filesystem::path& path) {
  static constexpr std::array kEndings = {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"};
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(kEndings.begin(), kEndings.end(), ending) != kEndings.end();
}

Tensor read_picture(const std::filesystem::path& path) {
#ifdef NVLM_IMAGE_FILES
  return vision::read_image(path);
#else
  throw std::runtime_error("image: cannot read '" + path.string() +
                           "': this build has no picture codecs (NVLM_IMAGE_FILES is off)");
#endif
}

}  // namespace nvlm::experiments
