// nvlm generate for Llama 3.2 Vision, whose prompts and pictures are not those of our own models.
#pragma once

#include <filesystem>

#include "cli/reader_options.h"
#include "common/tensor.h"

namespace nvlm::cli {

/// Whether the folder's config.json is one of Llama 3.2 Vision.
bool is_mllama_folder(const std::filesystem::path& folder);

/// Answers options.reader.question about a picture (uint8 [height, width, 3]) and prints the answer
/// as it comes.
/// throws  UsageError for --structure and --max-tiles, which this model does not have
void generate_mllama(const std::filesystem::path& folder, const ReaderOptions& options,
                     const Tensor& picture);

}  // namespace nvlm::cli
