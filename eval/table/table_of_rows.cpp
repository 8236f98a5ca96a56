#include "eval/table/table_of_rows.h"

#include <stdexcept>

namespace nvlm::eval {

Table table_of_rows(const std::vector<std::vector<std::string>>& rows) {
  if (rows.empty() || rows.front().empty()) {
    throw std::invalid_argument("table: expected at least one row and one column");
  }
  Table table;
  table.num_rows = static_cast<int64_t>(rows.size());
  table.num_columns = static_cast<int64_t>(rows.front().size());
  for (int64_t row = 0; row < table.num_rows; ++row) {
    const std::vector<std::string>& texts = rows[static_cast<size_t>(row)];
    if (texts.size() != rows.front().size()) {
      throw std::invalid_argument("table: row " + std::to_string(row) + " has " +
                                  std::to_string(texts.size()) + " cells, the first " +
                                  std::to_string(rows.front().size()));
    }
    for (int64_t column = 0; column < table.num_columns; ++column) {
      TableCell& cell = table.cells.emplace_back();
      cell.text = texts[static_cast<size_t>(column)];
      cell.row = row;
      cell.column = column;
      cell.is_header = row == 0;
    }
  }
  return table;
}

}  // namespace nvlm::eval
