// Plain text as a source of training samples, so that a decoder keeps its language.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "experiments/data/sources/sample_source.h"

namespace nvlm::experiments {

/// A folder: each *.txt file in it is one document, in the order of their names. A file: documents
/// are its blocks of lines, with one or more blank lines between them. The answer to kTextQuestion
/// is the document, without the blanks at its ends.
class TextFiles : public SampleSource {
 public:
  /// throws  std::runtime_error if a file cannot be read
  explicit TextFiles(const std::filesystem::path& path);

  std::optional<int64_t> size() const override { return static_cast<int64_t>(documents_.size()); }
  Sample read(int64_t index, Random& random) const override;
  SourceTraits traits() const override { return {.has_pictures = false}; }
  std::string name() const override { return path_.string(); }
  std::string wanted() const override;

 private:
  struct Document {
    std::string name;
    std::filesystem::path file;
    std::string text;  // empty: the whole file, read when it is wanted
  };

  std::filesystem::path path_;
  std::vector<Document> documents_;
};

/// Whether a folder holds at least one *.txt file.
bool has_text_files(const std::filesystem::path& folder);

}  // namespace nvlm::experiments
