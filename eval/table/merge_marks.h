// Merged cells in Markdown, which has none: how a model is taught to write them, and back.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "eval/table/table.h"

namespace nvlm::eval {

/// The text of a position that belongs to the cell on its left.
inline constexpr std::string_view kMergedLeft = "<<";
/// The text of a position that belongs to the cell above.
inline constexpr std::string_view kMergedUp = "^^";

/// The mark of a position in row `row` that a cell covers whose first row is `first_row`.
inline std::string_view merge_mark(int64_t first_row, int64_t row) {
  return row == first_row ? kMergedLeft : kMergedUp;
}

/// write_gfm(table), with a mark in every position that a spanning cell covers besides its first:
///   | Price | << |
///   | --- | --- |
///   | net | gross |
/// kMergedLeft in the cell's first row, kMergedUp below it; a text that is a mark gets a backslash.
/// A table without either is as from write_gfm.
/// throws  std::invalid_argument if the table has no row or no column
/// source  the idea is OTSL's lcel and ucel (Lysak et al. 2023, arXiv 2305.03393)
std::string write_marked_gfm(const Table& table);

/// The table with marked positions merged into the cells that they belong to. A mark that has no
/// such cell, or would leave one that is no rectangle, becomes a blank cell.
/// table  without spans, one cell per position, as parse_gfm_table gives it
Table merge_marked_cells(Table table);

/// A model's answer as scores read it: as it stands or, if its table is rectangular and marks
/// merged cells, that table as HTML.
///
/// throws  std::runtime_error if the table has more than kMaxGridPositions
std::string answer_with_spans(std::string answer);

}  // namespace nvlm::eval
