// What turns the picture of a table into text: a model, or a classical program.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace nvlm::eval {

struct TableReader {
  virtual ~TableReader() = default;

  /// The table in `image`, as Markdown (or HTML, where spans matter). Throws if it cannot.
  virtual std::string read(const std::filesystem::path& image) = 0;

  /// The tables in several images, in their order. Readers that gain from batches override it.
  virtual std::vector<std::string> read_batch(std::span<const std::filesystem::path> images) {
    std::vector<std::string> texts;
    texts.reserve(images.size());
    for (const std::filesystem::path& image : images) texts.push_back(read(image));
    return texts;
  }

  /// Identifies the reader in results: "nvlm-h lab 40k steps", "tesseract 5.3".
  virtual std::string name() const = 0;
};

}  // namespace nvlm::eval
