#include "eval/readers/rules/rules_reader.h"

#include "eval/readers/rules/clean_page.h"
#include "eval/readers/rules/page_words.h"
#include "eval/readers/rules/table_layout.h"
#include "eval/table/html_writer.h"

namespace nvlm::eval {

RulesReader::RulesReader(const std::string& language) : ocr_({.language = language}) {}

std::vector<TableReading> RulesReader::read(std::span<const Tensor> images) {
  std::vector<TableReading> readings;
  for (const Tensor& image : images) {
    const CleanPage page = clean_page(image);
    TableReading& reading = readings.emplace_back();
    reading.table = layout_table(page, page_words(page, ocr_));
    if (reading.table) reading.text = write_html(*reading.table);
  }
  return readings;
}

std::string RulesReader::name() const { return "tesseract-rules " + TesseractOcr::version(); }

}  // namespace nvlm::eval
