#include "eval/table/gfm_writer.h"

#include <stdexcept>
#include <vector>

namespace nvlm::eval {
std::string write_gfm(const Table& table, GfmText style) {
  if (table.num_rows < 1 || table.num_columns < 1) {
    throw std::invalid_argument("gfm: a table of " + std::to_string(table.num_rows) + " rows and " +
                                std::to_string(table.num_columns) +
                                " columns has no Markdown form");
  }
  const std::vector<std::string> texts = grid_texts(table);
  std::string out;
  for (int64_t row = 0; row < table.num_rows; ++row) {
    out += row == 0 ? "|" : "\n|";
    for (int64_t column = 0; column < table.num_columns; ++column) {
      const std::string& text = texts[static_cast<size_t>(row * table.num_columns + column)];
      out += " " + write_gfm_text(text, style) + " |";
    }
    if (row == 0) {
      out += "\n|";
      for (int64_t column = 0; column < table.num_columns; ++column) out += " --- |";
    }
  }
  return out;
}

}  // namespace nvlm::eval
