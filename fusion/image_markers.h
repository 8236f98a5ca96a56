// "<image>" in what a user says marks where a picture stands.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nvlm::fusion {

/// The text around its pictures: one piece more than there are pictures. Without any marker the
/// pictures come first, each followed by `after_picture`.
/// throws  std::invalid_argument if there are markers, but not as many as pictures
std::vector<std::string> pieces_around_images(std::string_view text, int64_t num_images,
                                              std::string_view after_picture);

}  // namespace nvlm::fusion
