// Where the columns of a table are.
#pragma once

#include <cstdint>
#include <vector>

#include "eval/readers/rules/clean_page.h"
#include "eval/readers/rules/text_lines.h"

namespace nvlm::eval {

/// A vertical line, drawn or not, between two columns.
struct ColumnEdge {
  int64_t at = 0;
  std::vector<Rule> rules;  // drawn pieces; empty for a corridor of white

  bool is_ruled() const { return !rules.empty(); }
};

/// The edges between columns, from left to right; none for a single column.
/// Vertical rules that together reach a quarter of the text's height are edges. Between them, edges
/// are corridors that (almost) no body line crosses and that are wider than blanks between words;
/// the fewer lines, the wider they must be.
/// body  the lines without headers, titles and notes as far as they are known
std::vector<ColumnEdge> column_edges(const CleanPage& page, const std::vector<TextLine>& all,
                                     const std::vector<TextLine>& body);

}  // namespace nvlm::eval
