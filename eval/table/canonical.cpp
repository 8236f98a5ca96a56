#include "eval/table/canonical.h"

#include <utility>

#include "eval/text/code_points.h"

namespace nvlm::eval {

std::string canonical_cell_text(std::string_view text) {
  std::u32string code_points = decode_utf8(text);
  std::erase_if(code_points, [](char32_t c) { return c == 0xAD || c == 0x200B || c == 0xFEFF; });
  return encode_utf8(collapse_spaces(code_points));
}

Table canonical_table(Table table) {
  for (TableCell& cell : table.cells) {
    cell.text = canonical_cell_text(cell.text);
    cell.is_header = false;
  }
  return table;
}

}  // namespace nvlm::eval
