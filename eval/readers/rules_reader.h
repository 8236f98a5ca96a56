// The classical baseline: Tesseract's words, and rules about lines and white space.
#pragma once

#include <string>
#include <vector>

#include "eval/readers/table_reader.h"
#include "eval/readers/tesseract_ocr.h"

namespace nvlm::eval {

/// Larger pictures are shrunk first, so time and memory are bounded; text that is then too small is
/// lost.
inline constexpr int64_t kMaxRulesPixels = 16'000'000;

/// Takes the whole picture for one table and reads it without a model: clean_page, page_words,
/// layout_table. The text is HTML, with spans; cells carry probability and box. A picture without
/// words gives an empty text and no table. All thresholds are multiples of the typical height of a
/// glyph.
class RulesReader : public TableReader {
 public:
  /// throws  std::runtime_error if Tesseract lacks the language
  explicit RulesReader(const TesseractOptions& options = {});

  std::vector<TableReading> read(std::span<const Tensor> images) override;
  /// "tesseract-rules 5.3.0"
  std::string name() const override;

 private:
  TesseractOcr ocr_;
};

}  // namespace nvlm::eval
