// Random tables for property tests.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/random.h"
#include "eval/table/table.h"

namespace nvlm::test {

using eval::Table;
using eval::TableCell;

/// Up to `max_length` characters that formats tend to trip over; canonical (canonical.h).
inline std::string random_text(Random& random, int64_t max_length) {
  static const std::vector<std::string> kPieces = {"a", "7",  "|",  "\\", "&",     "<",
                                                   ">", "\"", "--", ":",  "é",     "東",
                                                   "😀", "*",  "`",  "#",  "&amp;", "x y"};
  std::string text;
  for (int64_t i = random.integer(0, max_length); i > 0; --i) text += random.pick(kPieces);
  return text;
}

/// A table without spans.
inline Table random_grid(Random& random, int64_t rows, int64_t columns, int64_t max_length = 6) {
  Table table{rows, columns, {}};
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = 0; column < columns; ++column) {
      TableCell cell;
      cell.text = random_text(random, max_length);
      cell.row = row;
      cell.column = column;
      cell.is_header = row == 0;
      table.cells.push_back(std::move(cell));
    }
  }
  return table;
}

/// A table in which every row is cut into cells at random and some cells reach down; each row keeps
/// at least one cell of its own, and all positions are covered.
inline Table random_spans(Random& random, int64_t rows, int64_t columns) {
  Table table{rows, columns, {}};
  std::vector<int64_t> free_from(static_cast<size_t>(columns), 0);
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = 0; column < columns;) {
      if (free_from[static_cast<size_t>(column)] > row) {
        ++column;
        continue;
      }
      TableCell cell;
      cell.text = random_text(random, 6);
      cell.row = row;
      cell.column = column;
      cell.row_span = column > 0 && random.chance(0.2) ? random.integer(1, rows - row) : 1;
      cell.column_span = 0;
      const int64_t wanted = random.chance(0.3) ? random.integer(1, 4) : 1;
      while (cell.column_span < wanted && column < columns &&
             free_from[static_cast<size_t>(column)] <= row) {
        free_from[static_cast<size_t>(column++)] = row + cell.row_span;
        ++cell.column_span;
      }
      table.cells.push_back(std::move(cell));
    }
  }
  return table;
}

}  // namespace nvlm::test
