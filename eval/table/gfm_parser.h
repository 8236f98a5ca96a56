// Reads a GitHub-flavoured Markdown table out of a text.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "eval/table/gfm_text.h"
#include "eval/table/table.h"

namespace nvlm::eval {

/// Bytes begin to end - 1 of a text.
struct ByteRange {
  size_t begin = 0, end = 0;
};

struct GfmTable {
  Table table;  // no spans; row 0 is the header
  /// Per cell of `table`: where it was written, from behind the pipe before it to behind the one
  /// that ends it. Empty for a cell that was padded.
  std::vector<ByteRange> sources;
  int64_t padded_rows = 0;  // body rows that had too few cells; the missing ones are blank
  int64_t cut_rows = 0;     // body rows that had too many cells; the surplus is dropped

  bool is_ragged() const { return padded_rows + cut_rows > 0; }
};

/// The first table in `text`, or nothing. A table is a line of cells, a delimiter row with as many
/// cells and at least one `|`, and the lines up to a blank line or the start of another block.
/// Outer pipes are optional, `\|` is a literal pipe, blanks around a cell are dropped, `<br>` is a
/// line break; other markup is interpreted as `style` says (gfm_text.h). Code fences around the
/// table are ignored.
/// throws  std::runtime_error if the table has more than kMaxGridPositions
/// source: https://github.github.com/gfm/#tables-extension-
std::optional<GfmTable> parse_gfm_table(std::string_view text, GfmText style = GfmText::kLiteral);

/// The table that a text almost holds: every line with a pipe is a row, delimiter rows are left out
/// wherever they stand and whatever their width, and rows are padded to the widest. For a model's
/// answer that is to be shown; scores use parse_gfm_table.
/// returns  nothing if no line has a pipe
/// throws   std::runtime_error if the table has more than kMaxGridPositions
std::optional<GfmTable> repair_gfm_table(std::string_view text);

}  // namespace nvlm::eval
