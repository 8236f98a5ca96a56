// The one place where training reads picture files, so that it can be built without their codecs.
#pragma once

#include <filesystem>

#include "common/tensor.h"

namespace nvlm::experiments {

/// Whether a file is a picture by the end of its name, in any case: .png, .jpg, .jpeg, .webp, .tif,
/// .tiff.
bool has_picture_name(const std::filesystem::path& path);

/// vision::read_image().
/// returns  uint8 [height, width, 3]
/// throws   std::runtime_error naming the file; always in a build without NVLM_IMAGE_FILES
Tensor read_picture(const std::filesystem::path& path);

}  // namespace nvlm::experiments
