// What becomes of merged cells in formats that have none, and of headers with several rows.
#pragma once

#include <cstdint>
#include <string_view>

#include "eval/table/table.h"

namespace nvlm::eval {

/// For Markdown and CSV; HTML and JSON keep spans as they are.
enum class SpanPolicy {
  kRepeat,  // the text in every position that the cell covers
  kBlank,   // the text in the first position, the others blank
  kHtml,    // a table with spans is written as HTML, wherever it stands
  kError    // a table with spans is an error
};

/// "repeat", "blank", "html", "error".
/// throws  UsageError naming the nearest
SpanPolicy parse_span_policy(std::string_view name);

/// The table without spans: one cell per grid position, each with its covering cell's header flag,
/// probability and box. Under kBlank, and kHtml of a table without spans, the text stands in the
/// first position; under kRepeat in all.
/// throws  std::runtime_error under kError if the table has spans
Table without_spans(const Table& table, SpanPolicy policy);

/// Rows at the top in which every cell is a header, at least 0 and at most all.
int64_t num_header_rows(const Table& table);

/// The table with its header rows joined into one: per column, the distinct texts from top to
/// bottom with " / " between them; a cell over several columns gives its text to each. A table with
/// fewer than two header rows, or nothing but them, comes back as it is. A header cell that reaches
/// into the body is cut at the header's end; what it covers there is blank.
Table join_header_rows(const Table& table);

}  // namespace nvlm::eval
