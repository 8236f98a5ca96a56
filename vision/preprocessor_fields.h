// Fields of preprocessor_config.json that all families spell alike.
#pragma once

#include <array>
#include <string_view>

#include "common/json.h"

namespace nvlm::vision {

/// json[key] for red, green and blue; `fallback` where absent.
/// where   what errors begin with
/// throws  std::runtime_error unless it is a list of three numbers
std::array<double, 3> channels_from_json(const Json& json, std::string_view key,
                                         const std::array<double, 3>& fallback,
                                         std::string_view where);

/// `image_std`; also throws for a number that is not above 0.
std::array<double, 3> deviation_from_json(const Json& json, const std::array<double, 3>& fallback,
                                          std::string_view where);

/// Side of a square in pixels, from `size` or else `crop_size`: a number, or an object with height
/// and width or with shortest_edge.
/// throws  std::runtime_error if both are absent, or height and width differ
int64_t tile_size_from_json(const Json& json, std::string_view where);

}  // namespace nvlm::vision
