#include "eval/table/table.h"

#include <algorithm>
#include <stdexcept>

namespace nvlm::eval {
namespace {

std::string describe_cell(const TableCell& cell) {
  return "cell at row " + std::to_string(cell.row) + ", column " + std::to_string(cell.column) +
         " with spans " + std::to_string(cell.row_span) + " x " + std::to_string(cell.column_span);
}

}  // namespace

PixelBox united(const PixelBox& a, const PixelBox& b) {
  return {std::min(a.left, b.left), std::min(a.top, b.top), std::max(a.right, b.right),
          std::max(a.bottom, b.bottom)};
}

bool Table::has_spans() const {
  return std::any_of(cells.begin(), cells.end(), [](const TableCell& cell) {
    return cell.row_span != 1 || cell.column_span != 1;
  });
}

void Table::validate() const {
  const bool fits = num_rows >= 0 && num_columns >= 0 && num_rows <= kMaxGridPositions &&
                    num_columns <= kMaxGridPositions && num_rows * num_columns <= kMaxGridPositions;
  if (!fits) {
    throw std::invalid_argument("table: " + std::to_string(num_rows) + " rows and " +
                                std::to_string(num_columns) + " columns, expected at most " +
                                std::to_string(kMaxGridPositions) + " positions");
  }
  std::vector<bool> covered(static_cast<size_t>(num_rows * num_columns), false);
  int64_t previous = -1;
  for (const TableCell& cell : cells) {
    const bool inside = cell.row >= 0 && cell.column >= 0 && cell.row < num_rows &&
                        cell.column < num_columns && cell.row_span >= 1 && cell.column_span >= 1 &&
                        cell.row_span <= num_rows - cell.row &&
                        cell.column_span <= num_columns - cell.column;
    if (!inside) {
      throw std::invalid_argument("table: " + describe_cell(cell) + " leaves the grid of " +
                                  std::to_string(num_rows) + " x " + std::to_string(num_columns));
    }
    const int64_t position = cell.row * num_columns + cell.column;
    if (position <= previous) {
      throw std::invalid_argument("table: " + describe_cell(cell) + " is not in row-major order");
    }
    previous = position;
    for_each_position(*this, cell, [&](size_t at, bool) {
      if (covered[at]) throw std::invalid_argument("table: " + describe_cell(cell) + " overlaps");
      covered[at] = true;
    });
  }
}

std::vector<std::string> grid_texts(const Table& table) {
  std::vector<std::string> texts(static_cast<size_t>(table.num_rows * table.num_columns));
  for (const TableCell& cell : table.cells) {
    texts[static_cast<size_t>(cell.row * table.num_columns + cell.column)] = cell.text;
  }
  return texts;
}

Table flattened(const Table& table) {
  Table result{table.num_rows, table.num_columns, {}};
  result.cells.resize(static_cast<size_t>(table.num_rows * table.num_columns));
  for (size_t at = 0; at < result.cells.size(); ++at) {
    result.cells[at].row = static_cast<int64_t>(at) / table.num_columns;
    result.cells[at].column = static_cast<int64_t>(at) % table.num_columns;
  }
  for (const TableCell& cell : table.cells) {
    for_each_position(table, cell, [&](size_t at, bool is_top_left) {
      if (is_top_left) result.cells[at].text = cell.text;
      result.cells[at].is_header = cell.is_header;
    });
  }
  return result;
}

}  // namespace nvlm::eval
