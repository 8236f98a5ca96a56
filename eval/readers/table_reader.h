// What turns the picture of a table into text: a model, or a classical program.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/tensor.h"
#include "eval/table/table.h"

namespace nvlm::eval {

/// What a reader says about one picture.
struct TableReading {
  /// As the reader wrote it: Markdown, or HTML where spans matter. Scores are of this text.
  std::string text;
  /// The same as a table; nothing if the text holds none. Cells carry probability and box where the
  /// reader knows them.
  std::optional<Table> table;
};

struct TableReader {
  virtual ~TableReader() = default;

  /// The table in each picture, in their order.
  /// images  uint8 [height, width, 3] each
  /// throws  if it cannot; then predict() tries the pictures one by one
  virtual std::vector<TableReading> read(std::span<const Tensor> images) = 0;

  /// Identifies the reader in results: "nvlm-h lab 40k steps", "tesseract 5.3".
  virtual std::string name() const = 0;
};

}  // namespace nvlm::eval
