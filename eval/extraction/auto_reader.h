// Both readers at once, as extract --reader auto has them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "eval/extraction/extract_page.h"
#include "eval/readers/table_reader.h"

namespace nvlm::eval {

/// Reads each picture as one table with the model and with the rules and keeps what choose_reading
/// says. The text is HTML.
class AutoReader : public TableReader {
 public:
  AutoReader(std::unique_ptr<TableReader> model, std::unique_ptr<TableReader> rules,
             WordReader words);

  /// throws  std::runtime_error if neither reads a table
  std::vector<TableReading> read(std::span<const Tensor> images) override;
  /// "auto of nvlm-d and tesseract-rules 5.3.0"
  std::string name() const override;

 private:
  std::unique_ptr<TableReader> model_, rules_;
  WordReader words_;
};

}  // namespace nvlm::eval
