#include "vision/preprocessor_fields.h"

#include <stdexcept>
#include <string>
#include <vector>

namespace nvlm::vision {
namespace {

int64_t square_size(const Json& json, const char* key, std::string_view where) {
  const Json& value = json.at(key);
  if (!value.is_object()) return json_get<int64_t>(json, key, where);
  if (value.contains("shortest_edge")) return json_get<int64_t>(value, "shortest_edge", where);
  const auto height = json_get<int64_t>(value, "height", where);
  const auto width = json_get<int64_t>(value, "width", where);
  if (height != width) {
    throw std::runtime_error(std::string(where) + ": '" + key + "' is " + std::to_string(height) +
                             " x " + std::to_string(width) + ", expected a square");
  }
  return height;
}

}  // namespace

std::array<double, 3> channels_from_json(const Json& json, std::string_view key,
                                         const std::array<double, 3>& fallback,
                                         std::string_view where) {
  const auto values =
      json_get_or(json, key, std::vector<double>(fallback.begin(), fallback.end()), where);
  if (values.size() != 3) {
    throw std::runtime_error(std::string(where) + ": '" + std::string(key) + "' has " +
                             std::to_string(values.size()) + " entries, expected 3");
  }
  return {values[0], values[1], values[2]};
}

std::array<double, 3> deviation_from_json(const Json& json, const std::array<double, 3>& fallback,
                                          std::string_view where) {
  const auto deviations = channels_from_json(json, "image_std", fallback, where);
  for (const double deviation : deviations) {
    if (!(deviation > 0)) {
      throw std::runtime_error(std::string(where) + ": 'image_std' expected three numbers above 0");
    }
  }
  return deviations;
}

int64_t tile_size_from_json(const Json& json, std::string_view where) {
  for (const char* key : {"size", "crop_size"}) {
    if (json.contains(key)) return square_size(json, key, where);
  }
  throw std::runtime_error(std::string(where) + ": 'size' is missing");
}

}  // namespace nvlm::vision
