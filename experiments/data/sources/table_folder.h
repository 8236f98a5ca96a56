// A folder of table pictures with their Markdown or HTML, as a source of training samples.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "experiments/data/sources/sample_source.h"

namespace nvlm::experiments {

/// The ground truth as a model is taught to write it: a text that is one Markdown table and nothing
/// else in the canonical layout of eval::write_gfm, any other text as it stands, without the blanks
/// at its ends.
/// throws  std::runtime_error for a table whose rows differ in length: it has no right answer
std::string markdown_answer(const std::string& text);

/// The first table of an HTML text in the same layout; merged cells are marked
/// (eval/table/merge_marks.h).
/// throws  std::runtime_error if there is none
std::string html_answer(const std::string& text);

/// Three layouts, the first that is there:
///   index.jsonl                    {"id", "image", "md" and/or "html"} per line, paths relative to
///                                  the folder: what `data render` writes and `eval tables` reads
///   images/ID.png, gt/ID.md        or gt/ID.html
///   NAME.png beside NAME.md        or NAME.html
/// Where both are there, the HTML counts, since it knows merged cells. Samples stand in the index's
/// order, else in the order of the pictures' names; a picture without ground truth is a bad sample,
/// a text without picture is none. The question is eval::kTableQuestion.
class TableFolder : public SampleSource {
 public:
  /// throws  std::runtime_error for an index that is no JSON Lines
  explicit TableFolder(const std::filesystem::path& folder);

  std::optional<int64_t> size() const override { return static_cast<int64_t>(items_.size()); }
  Sample read(int64_t index, Random& random) const override;
  SourceTraits traits() const override { return {}; }
  std::string name() const override { return folder_.string(); }
  std::string wanted() const override;

 private:
  struct Item {
    std::filesystem::path image, markdown, html;  // empty: not named
    std::string problem;                          // of its line in the index
  };

  void read_index(const std::filesystem::path& index);
  void list_pictures(const std::filesystem::path& images, const std::filesystem::path& truth);

  std::filesystem::path folder_;
  std::vector<Item> items_;
};

}  // namespace nvlm::experiments
