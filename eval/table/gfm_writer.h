// Writes a table as GitHub-flavoured Markdown in one canonical layout.
#pragma once

#include <string>

#include "eval/table/gfm_text.h"
#include "eval/table/table.h"

namespace nvlm::eval {

/// The table as
///   | a | b |
///   | --- | --- |
///   | 1 |  |
/// without a final newline. The first row is the header whatever it means; spans are flattened
/// (grid_texts); texts are written by write_gfm_text. The result is always well-formed, and
/// parse_gfm_table with the same style returns the same texts, but for blanks at either end of a
/// cell and, with kLiteral, texts that hold a `<br>`.
/// throws  std::invalid_argument if the table has no row or no column
std::string write_gfm(const Table& table, GfmText style = GfmText::kLiteral);

}  // namespace nvlm::eval
