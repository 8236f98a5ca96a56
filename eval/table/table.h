// A table as a grid with cells that may span rows and columns. The common form of all formats.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace nvlm::eval {

/// No table may have more grid positions (rows * columns); parsers refuse larger ones.
inline constexpr int64_t kMaxGridPositions = 1'000'000;

/// Part of a picture in pixels: left and top inside, right and bottom just outside.
struct PixelBox {
  int64_t left = 0, top = 0, right = 0, bottom = 0;
};

/// The smallest box that holds both.
PixelBox united(const PixelBox& a, const PixelBox& b);

struct TableCell {
  std::string text;             // UTF-8; '\n' is a line break within the cell
  int64_t row = 0, column = 0;  // the top-left position, from 0
  int64_t row_span = 1, column_span = 1;
  bool is_header = false;
  std::optional<double> probability = {};  // that the reader gives to this text, 0 to 1
  std::optional<PixelBox> box = {};        // where it stands in the picture
};

/// Cells in row-major order of their top-left positions. They never overlap; positions that no
/// cell covers count as blank.
struct Table {
  int64_t num_rows = 0, num_columns = 0;
  std::vector<TableCell> cells;

  bool has_spans() const;
  /// throws  std::invalid_argument unless the cells are in order, within the grid, and disjoint,
  /// and
  ///         the grid has at most kMaxGridPositions
  void validate() const;
};

/// Calls visit(index of the position in row-major order, is_top_left) for every grid position that
/// `cell` of `table` covers.
template <class Visit>
void for_each_position(const Table& table, const TableCell& cell, Visit visit) {
  for (int64_t row = cell.row; row < cell.row + cell.row_span; ++row) {
    for (int64_t column = cell.column; column < cell.column + cell.column_span; ++column) {
      visit(static_cast<size_t>(row * table.num_columns + column),
            row == cell.row && column == cell.column);
    }
  }
}

/// Texts of all grid positions, row by row: a spanning cell's text stands in its first (top-left)
/// position, the other covered positions are blank.
std::vector<std::string> grid_texts(const Table& table);

/// The table without spans: one cell per grid position with the text of grid_texts. A position is a
/// header if the cell that covers it is one.
Table flattened(const Table& table);

}  // namespace nvlm::eval
