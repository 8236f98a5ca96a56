#include "eval/table/gfm_writer.h"

#include <stdexcept>
#include <string_view>
#include <vector>

namespace nvlm::eval {
namespace {

void append_cell(std::string_view text, std::string& out) {
  out += ' ';
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '|') {
      out += "\\|";
    } else if (c == '\n' || c == '\r') {
      if (c == '\r' && at + 1 < text.size() && text[at + 1] == '\n') ++at;
      out += "<br>";
    } else {
      out += c;
    }
  }
  out += " |";
}

}  // namespace

std::string write_gfm(const Table& table) {
  if (table.num_rows < 1 || table.num_columns < 1) {
    throw std::invalid_argument("gfm: a table of " + std::to_string(table.num_rows) + " rows and " +
                                std::to_string(table.num_columns) +
                                " columns has no Markdown form");
  }
  const std::vector<std::string> texts = grid_texts(table);
  std::string out;
  for (int64_t row = 0; row < table.num_rows; ++row) {
    out += row == 0 ? "|" : "\n|";
    for (int64_t column = 0; column < table.num_columns; ++column) {
      append_cell(texts[static_cast<size_t>(row * table.num_columns + column)], out);
    }
    if (row == 0) {
      out += "\n|";
      for (int64_t column = 0; column < table.num_columns; ++column) out += " --- |";
    }
  }
  return out;
}

}  // namespace nvlm::eval
