// Pictures of lines or pages of text with their transcription.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "eval/tasks/task.h"

namespace nvlm::eval {

/// What a model is asked for the text of a picture, after NVLM's prompts for plain OCR.
inline constexpr const char* kOcrQuestion = "Transcribe all text in the image.";

struct OcrItem : TaskItem {
  std::string text;
};

/// Scores: cer, wer, ned (normalised edit distance), exact_match. Both texts are canonical first
/// (canonical_cell_text): line breaks count as blanks. An item without an answer has error 1.
/// Groups: length (characters).
struct OcrTask : Task {
  std::vector<OcrItem> items;

  std::string name() const override { return "ocr"; }
  std::string main_score() const override { return "cer"; }
  size_t num_items() const override { return items.size(); }
  const TaskItem& item(size_t index) const override { return items[index]; }
  ItemScores score(size_t index, const std::string& answer) const override;
  std::map<std::string, double> failed_scores(size_t index) const override;
  Json description() const override;

  /// Reads `folder`/index.jsonl, one object per line: id, image (relative to the folder), text, doc
  /// (optional).
  /// throws  std::runtime_error with file and line: missing files, duplicate ids, a text that is
  ///         blank, no items
  static OcrTask open(const std::filesystem::path& folder);
};

}  // namespace nvlm::eval
