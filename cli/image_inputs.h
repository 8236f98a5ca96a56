// Pictures named on the command line.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace nvlm::cli {

/// Files as they are; folders as the PNG, JPEG, WebP and TIFF files in them, sorted by name. A file
/// that does not exist stays in the list, so that it is reported beside the others.
/// throws  UsageError if nothing is named or a folder holds no picture
std::vector<std::filesystem::path> image_inputs(const std::vector<std::string>& names);

}  // namespace nvlm::cli
