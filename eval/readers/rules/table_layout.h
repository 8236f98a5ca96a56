// From words and ruled lines to the cells of a table.
#pragma once

#include <optional>
#include <vector>

#include "eval/readers/rules/clean_page.h"
#include "eval/readers/tesseract_ocr.h"
#include "eval/table/table.h"

namespace nvlm::eval {

/// The table that the words form; nothing if there are none.
/// - Lines across are where rows end at the latest; where they are missing between two cells that
///   rules close in, or under one header but not under its neighbour, the cells are one.
/// - Columns are as column_edges finds them; a text that reaches over several, or that a rule
/// beneath
///   ties to several, spans them.
/// - Between two lines across, text lines are rows as rows_of_lines says.
/// Cells carry the boxes of their words and, as probability, the product of the words' confidences;
/// blank cells carry neither.
std::optional<Table> layout_table(const CleanPage& page, const std::vector<OcrWord>& words);

}  // namespace nvlm::eval
