// Which text lines make up a row of a table.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "eval/readers/rules/columns.h"
#include "eval/readers/rules/text_lines.h"

namespace nvlm::eval {

/// A line's text per column; a chunk that crosses edges stands in its first column.
struct LineCells {
  std::vector<std::string> texts;     // per column
  std::vector<int64_t> last_columns;  // per column: how far its text reaches
  double centre = 0;
  int64_t left = 0, right = 0;  // of the first column's text

  bool is_filled(size_t column) const { return !texts[column].empty(); }
  /// Columns behind the first with a number.
  int64_t num_numbers() const;
  int64_t num_filled() const;
  bool crosses_columns() const;
};

/// How lines between two drawn lines (or the ends of the table) are joined.
enum class BandKind {
  kHeader,  // above the first line across the table: one row, but for lines that span columns
  kBoxed,   // a row of a grid: one row, unless numbers stand below each other
  kOpen     // rows of the body: a line continues the one above where it looks like that
};

/// The row of each line, counted from 0. row_pitch is the usual distance of two lines with numbers,
/// 0 if unknown.
std::vector<int64_t> rows_of_lines(const std::vector<LineCells>& lines, BandKind kind,
                                   double row_pitch);

}  // namespace nvlm::eval
