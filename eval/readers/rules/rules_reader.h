// The classical baseline: Tesseract's words and rules about lines and white space.
#pragma once

#include <string>
#include <vector>

#include "eval/readers/table_reader.h"
#include "eval/readers/tesseract_ocr.h"

namespace nvlm::eval {

/// Reads tables without a model: clean_page, page_words, layout_table. The text is HTML, with
/// spans. A picture without words gives an empty text and no table.
class RulesReader : public TableReader {
 public:
  /// throws  std::runtime_error if Tesseract lacks its language data
  explicit RulesReader(const std::string& language = "eng");

  std::vector<TableReading> read(std::span<const Tensor> images) override;
  /// "tesseract-rules 5.3.0"
  std::string name() const override;

 private:
  TesseractOcr ocr_;
};

}  // namespace nvlm::eval
