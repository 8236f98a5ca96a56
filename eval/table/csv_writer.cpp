#include "eval/table/csv_writer.h"

#include <stdexcept>
#include <string_view>
#include <vector>

namespace nvlm::eval {
namespace {

void append_field(std::string_view text, std::string& out) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

}  // namespace

std::string write_csv(const Table& table) {
  if (table.num_rows < 1 || table.num_columns < 1) {
    throw std::invalid_argument("csv: a table of " + std::to_string(table.num_rows) + " rows and " +
                                std::to_string(table.num_columns) + " columns has no CSV form");
  }
  const std::vector<std::string> texts = grid_texts(table);
  std::string out;
  for (size_t at = 0; at < texts.size(); ++at) {
    const size_t column = at % static_cast<size_t>(table.num_columns);
    if (column > 0) out += ',';
    if (table.num_columns == 1 && texts[at].empty()) out += "\"\"";
    append_field(texts[at], out);
    if (column + 1 == static_cast<size_t>(table.num_columns)) out += "\r\n";
  }
  return out;
}

}  // namespace nvlm::eval
