#include "eval/readers/rules_reader.h"

#ifdef NVLM_IMAGE_FILES

#include "eval/readers/rules/clean_page.h"
#include "eval/readers/rules/page_words.h"
#include "eval/readers/rules/table_layout.h"
#include "eval/table/html_writer.h"

namespace nvlm::eval {

RulesReader::RulesReader(const TesseractOptions& options) : ocr_(options) {}

std::vector<TableReading> RulesReader::read(std::span<const Tensor> images) {
  std::vector<TableReading> readings;
  for (const Tensor& image : images) {
    const CleanPage page = clean_page(image, kMaxRulesPixels);
    TableReading& reading = readings.emplace_back();
    reading.table = layout_table(page, page_words(page, ocr_));
    if (!reading.table) continue;
    for (TableCell& cell : reading.table->cells) {
      if (cell.box) cell.box = page.in_picture(*cell.box);
    }
    reading.text = write_html(*reading.table);
  }
  return readings;
}

std::string RulesReader::name() const { return "tesseract-rules " + TesseractOcr::version(); }

}  // namespace nvlm::eval

#endif  // NVLM_IMAGE_FILES
