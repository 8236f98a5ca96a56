// Reads an HTML table, with its spans, into a Table.
#pragma once

#include <optional>
#include <string_view>

#include "eval/table/table.h"

namespace nvlm::eval {

/// The first `<table>` in `html`, or nothing if there is none or it has no cell.
/// Cells are `td` and `th`; headers are `th` and whatever stands in `thead`. White space is
/// collapsed as a browser does, `<br>` and block elements become line breaks, inline tags are
/// dropped; a table within a cell gives its text. A cell takes the first free position of its row;
/// its rowspan ends with the table (0: reaches there), its colspan (1 to 1000) before a position
/// that an earlier cell covers. See parse_html for what is forgiven.
/// throws  std::runtime_error beyond the limits of parse_html or kMaxGridPositions
std::optional<Table> parse_html_table(std::string_view html);

}  // namespace nvlm::eval
