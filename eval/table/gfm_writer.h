// Writes a table as GitHub-flavoured Markdown in one canonical layout.
#pragma once

#include <string>

#include "eval/table/table.h"

namespace nvlm::eval {

/// The table as
///   | a | b |
///   | --- | --- |
///   | 1 |  |
/// without a final newline. The first row is the header whatever it means; spans are flattened
/// (grid_texts); `|` is written `\|` and a line break `<br>`. The result is always well-formed, and
/// parse_gfm_table returns the same texts, but for blanks at either end of a cell.
/// throws  std::invalid_argument if the table has no row or no column
std::string write_gfm(const Table& table);

}  // namespace nvlm::eval
