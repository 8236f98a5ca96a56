#include "eval/table/html_writer.h"

#include <string_view>

#include "eval/text/html_entity.h"

namespace nvlm::eval {
namespace {

void append_escaped(std::string_view text, std::string& out) {
  for (const char c : text) {
    const std::string_view entity = c == '\n' ? "<br>" : html_entity(c);
    if (entity.empty()) {
      out += c;
    } else {
      out += entity;
    }
  }
}

void append_span(std::string_view name, int64_t span, std::string& out) {
  if (span == 1) return;
  out += ' ';
  out += name;
  out += "=\"" + std::to_string(span) + "\"";
}

}  // namespace

std::string write_html(const Table& table, HtmlHeader header) {
  std::string out = "<table>\n";
  size_t next = 0;
  for (int64_t row = 0; row < table.num_rows; ++row) {
    out += "<tr>";
    for (; next < table.cells.size() && table.cells[next].row == row; ++next) {
      const TableCell& cell = table.cells[next];
      const bool as_th = cell.is_header && header == HtmlHeader::kAsTh;
      out += as_th ? "<th" : "<td";
      append_span("rowspan", cell.row_span, out);
      append_span("colspan", cell.column_span, out);
      out += '>';
      append_escaped(cell.text, out);
      out += as_th ? "</th>" : "</td>";
    }
    out += "</tr>\n";
  }
  return out + "</table>";
}

}  // namespace nvlm::eval
