#include "eval/extraction/auto_reader.h"

#include <stdexcept>
#include <utility>

#include "eval/table/html_writer.h"

namespace nvlm::eval {

AutoReader::AutoReader(std::unique_ptr<TableReader> model, std::unique_ptr<TableReader> rules,
                       WordReader words)
    : model_(std::move(model)), rules_(std::move(rules)), words_(std::move(words)) {}

std::vector<TableReading> AutoReader::read(std::span<const Tensor> images) {
  const PageReaders readers{model_.get(), rules_.get(), words_};
  ExtractOptions options;
  options.find_tables = false;
  std::vector<TableReading> readings;
  for (const Tensor& image : images) {
    ExtractedTable table = std::move(extract_page(image, readers, options).at(0));
    if (!table.error.empty()) throw std::runtime_error(table.error);
    std::string html = write_html(table.table);
    readings.push_back({std::move(html), std::move(table.table)});
  }
  return readings;
}

std::string AutoReader::name() const {
  return "auto of " + model_->name() + " and " + rules_->name();
}

}  // namespace nvlm::eval
