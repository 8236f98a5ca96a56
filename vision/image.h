// Pictures: reading files into 8-bit RGB.
#pragma once

#include <filesystem>

#include "common/tensor.h"

namespace nvlm::vision {

/// Largest width x height that read_image accepts before decoding, in pixels.
inline constexpr int64_t kMaxImagePixels = 200'000'000;

/// Reads PNG, JPEG, WebP or TIFF as RGB. Alpha is dropped, not blended; palettes are resolved;
/// 16-bit channels keep their high byte; the EXIF orientation is applied.
/// returns  uint8 [height, width, 3]
/// throws   std::runtime_error naming the file, what was expected and what was found
Tensor read_image(const std::filesystem::path& path);

/// Writes uint8 [height, width, 3] as PNG, atomically.
void write_png(const std::filesystem::path& path, const Tensor& image);

}  // namespace nvlm::vision
