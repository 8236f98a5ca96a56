// The folder that a conversion writes.
#pragma once

#include <filesystem>
#include <vector>

#include "common/atomic_folder.h"

namespace nvlm::cli {

/// Starts the folder `out`, which must be new or empty; with `overwrite` it may hold a checkpoint.
/// inputs  folders that are read: `out` may lie in one, but may not be or hold one
/// throws  UsageError naming --out and what is there
AtomicFolder start_output_folder(const std::filesystem::path& out, bool overwrite,
                                 const std::vector<std::filesystem::path>& inputs);

}  // namespace nvlm::cli
