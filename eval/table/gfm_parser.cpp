#include "eval/table/gfm_parser.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace nvlm::eval {
namespace {

std::string_view trim_blanks(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t end = std::min(text.find_first_of("\r\n", begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    const bool pair = text.substr(end, 2) == "\r\n";
    begin = end + (pair ? 2 : 1);
  }
  return lines;
}

struct WrittenCell {
  std::string text;
  ByteRange source;
};

/// The cells of `line`, which is a part of `text`.
std::vector<WrittenCell> split_cells(std::string_view line, std::string_view text, GfmText style) {
  line = trim_blanks(line);
  if (!line.empty() && line.front() == '|') line.remove_prefix(1);
  const size_t origin = static_cast<size_t>(line.data() - text.data());
  std::vector<WrittenCell> cells;
  std::string cell;
  size_t begin = 0;
  const auto finish = [&](size_t end) {
    cells.push_back({read_gfm_text(trim_blanks(cell), style), {origin + begin, origin + end}});
    cell.clear();
    begin = end;
  };
  for (size_t at = 0; at < line.size(); ++at) {
    if (line[at] == '|') {
      finish(at + 1);
    } else {
      if (line[at] == '\\' && at + 1 < line.size() && line[at + 1] == '|') ++at;
      cell.push_back(line[at]);
    }
  }
  if (line.empty() || begin < line.size()) finish(line.size());
  return cells;
}

/// Number of cells of a delimiter row; 0 if the line is none.
size_t num_delimiters(std::string_view line) {
  if (line.find_first_not_of("|:- \t") != std::string_view::npos) return 0;
  if (line.find('|') == std::string_view::npos) return 0;
  const std::vector<WrittenCell> cells = split_cells(line, line, GfmText::kLiteral);
  for (const WrittenCell& written : cells) {
    std::string_view cell = written.text;
    if (!cell.empty() && cell.front() == ':') cell.remove_prefix(1);
    if (!cell.empty() && cell.back() == ':') cell.remove_suffix(1);
    if (cell.empty() || cell.find_first_not_of('-') != std::string_view::npos) return 0;
  }
  return cells.size();
}

bool is_thematic_break(std::string_view line) {
  const char mark = line.front();
  if (mark != '*' && mark != '-' && mark != '_') return false;
  const auto marks = std::count(line.begin(), line.end(), mark);
  const auto blanks =
      std::count(line.begin(), line.end(), ' ') + std::count(line.begin(), line.end(), '\t');
  return marks >= 3 && marks + blanks == static_cast<std::ptrdiff_t>(line.size());
}

bool is_list_item(std::string_view line) {
  size_t marker = 1;
  if (line.find_first_of("-+*") != 0) {
    const size_t digits = std::min(line.find_first_not_of("0123456789"), line.size());
    if (digits == 0 || digits > 9 || digits == line.size()) return false;
    if (line[digits] != '.' && line[digits] != ')') return false;
    marker = digits + 1;
  }
  return line.size() == marker || line[marker] == ' ' || line[marker] == '\t';
}

bool is_html_block(std::string_view line) {
  if (line.front() != '<') return false;
  line.remove_prefix(1);
  if (line.starts_with("!--")) return true;
  if (!line.empty() && line.front() == '/') line.remove_prefix(1);
  static constexpr std::array<std::string_view, 12> kTags = {
      "table", "thead", "tbody", "tr", "div", "p", "pre", "hr", "ul", "ol", "section", "html"};
  const std::string_view tag = line.substr(0, line.find_first_of(" \t/>"));
  return std::find(kTags.begin(), kTags.end(), tag) != kTags.end();
}

/// Whether the line begins a block that ends a table. source: GFM 4.10, "beginning of another
/// block-level structure"
bool starts_other_block(std::string_view line) {
  const size_t indent = line.find_first_not_of(' ');
  if (indent == std::string_view::npos || indent > 3) return false;
  line.remove_prefix(indent);
  if (line.front() == '>' || line.starts_with("```") || line.starts_with("~~~")) return true;
  const size_t hashes = std::min(line.find_first_not_of('#'), line.size());
  const bool heading = hashes >= 1 && hashes <= 6 &&
                       (hashes == line.size() || line[hashes] == ' ' || line[hashes] == '\t');
  return heading || is_thematic_break(line) || is_list_item(line) || is_html_block(line);
}

void append_row(GfmTable& result, std::vector<WrittenCell> cells) {
  Table& table = result.table;
  if ((table.num_rows + 1) * table.num_columns > kMaxGridPositions) {
    throw std::runtime_error("gfm: a table of " + std::to_string(table.num_columns) +
                             " columns and more than " + std::to_string(table.num_rows) +
                             " rows, expected at most " + std::to_string(kMaxGridPositions) +
                             " cells");
  }
  const auto num_columns = static_cast<size_t>(table.num_columns);
  if (cells.size() < num_columns) ++result.padded_rows;
  if (cells.size() > num_columns) ++result.cut_rows;
  cells.resize(num_columns);
  for (size_t column = 0; column < num_columns; ++column) {
    TableCell cell;
    cell.text = std::move(cells[column].text);
    cell.row = table.num_rows;
    cell.column = static_cast<int64_t>(column);
    cell.is_header = table.num_rows == 0;
    table.cells.push_back(std::move(cell));
    result.sources.push_back(cells[column].source);
  }
  ++table.num_rows;
}

}  // namespace

std::optional<GfmTable> parse_gfm_table(std::string_view text, GfmText style) {
  const std::vector<std::string_view> lines = split_lines(text);
  for (size_t header = 0; header + 1 < lines.size(); ++header) {
    const size_t num_columns = num_delimiters(lines[header + 1]);
    if (num_columns == 0 || trim_blanks(lines[header]).empty()) continue;
    if (starts_other_block(lines[header])) continue;
    std::vector<WrittenCell> titles = split_cells(lines[header], text, style);
    if (titles.size() != num_columns) continue;

    GfmTable result;
    result.table.num_columns = static_cast<int64_t>(num_columns);
    append_row(result, std::move(titles));
    for (size_t row = header + 2; row < lines.size(); ++row) {
      if (trim_blanks(lines[row]).empty() || starts_other_block(lines[row])) break;
      append_row(result, split_cells(lines[row], text, style));
    }
    return result;
  }
  return std::nullopt;
}

std::optional<GfmTable> repair_gfm_table(std::string_view text) {
  std::vector<std::vector<WrittenCell>> rows;
  size_t num_columns = 0;
  for (const std::string_view line : split_lines(text)) {
    if (line.find('|') == std::string_view::npos || num_delimiters(line) > 0) continue;
    rows.push_back(split_cells(line, text, GfmText::kLiteral));
    num_columns = std::max(num_columns, rows.back().size());
  }
  if (rows.empty()) return std::nullopt;
  GfmTable result;
  result.table.num_columns = static_cast<int64_t>(num_columns);
  for (std::vector<WrittenCell>& row : rows) append_row(result, std::move(row));
  return result;
}

}  // namespace nvlm::eval
