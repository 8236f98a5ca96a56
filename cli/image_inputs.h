// Pictures and documents named on the command line.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace nvlm::cli {

/// Files as they are; folders as the PNG, JPEG, WebP, TIFF and PDF files in them, sorted by name. A
/// file that does not exist stays in the list, so that it is reported beside the others.
/// throws  UsageError if nothing is named or a folder holds no such file
std::vector<std::filesystem::path> image_inputs(const std::vector<std::string>& names);

/// Names for the outputs of `inputs`, in their order: the input's name with `ending` (".md") in
/// place of its own, or behind it where two would have the same name (a.png and a.jpg), or with a
/// number where that is not enough (x/a.png and y/a.png).
std::vector<std::string> output_names(const std::vector<std::filesystem::path>& inputs,
                                      const std::string& ending);

}  // namespace nvlm::cli
