#include "fusion/image_markers.h"

#include <cstdint>
#include <stdexcept>

namespace nvlm::fusion {

std::vector<std::string> pieces_around_images(std::string_view text, int64_t num_images,
                                              std::string_view after_picture) {
  constexpr std::string_view kMarker = "<image>";
  std::vector<std::string> pieces;
  if (text.find(kMarker) == std::string_view::npos) {
    for (int64_t i = 0; i < num_images; ++i) pieces.emplace_back(i == 0 ? "" : after_picture);
    pieces.push_back(std::string(num_images > 0 ? after_picture : "").append(text));
    return pieces;
  }
  size_t begin = 0;
  for (size_t end; (end = text.find(kMarker, begin)) != std::string_view::npos;
       begin = end + kMarker.size()) {
    pieces.emplace_back(text.substr(begin, end - begin));
  }
  pieces.emplace_back(text.substr(begin));
  const auto markers = static_cast<int64_t>(pieces.size()) - 1;
  if (markers == num_images) return pieces;
  throw std::invalid_argument("fusion.prompt: the question has " + std::to_string(markers) +
                              " <image> markers but " + std::to_string(num_images) +
                              " pictures were given");
}

}  // namespace nvlm::fusion
