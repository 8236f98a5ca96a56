#include "eval/table/html_parser.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "eval/table/html_document.h"

namespace nvlm::eval {
namespace {

constexpr int64_t kLargestColumnSpan = 1000;  // HTML's own limit

/// Text as a browser would show it.
class VisibleText {
 public:
  void append(std::string_view text) {
    for (const char c : text) {
      if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
        blank_ = true;
        continue;
      }
      if (blank_ && !text_.empty() && text_.back() != '\n') text_.push_back(' ');
      blank_ = false;
      text_.push_back(c);
    }
  }
  void break_line() {
    if (!text_.empty()) text_.push_back('\n');
    blank_ = false;
  }
  void begin_block() {
    if (!text_.empty() && text_.back() != '\n') text_.push_back('\n');
    blank_ = false;
  }
  std::string take() {
    while (!text_.empty() && text_.back() == '\n') text_.pop_back();
    return std::move(text_);
  }

 private:
  std::string text_;
  bool blank_ = false;  // white space was seen since the last character
};

bool is_block_tag(std::string_view tag) {
  static constexpr std::array<std::string_view, 17> kTags = {
      "p",  "div", "li", "ul", "ol", "table", "tr",         "td", "th",
      "h1", "h2",  "h3", "h4", "h5", "h6",    "blockquote", "pre"};
  return std::find(kTags.begin(), kTags.end(), tag) != kTags.end();
}

std::string cell_text(const HtmlDocument& document, int32_t cell) {
  VisibleText text;
  const auto block = [&](int32_t node) {
    if (node != cell && is_block_tag(document[node].tag)) text.begin_block();
  };
  walk_html(
      document, cell,
      [&](int32_t node) {
        if (document[node].is_text()) text.append(document[node].text);
        if (document[node].tag == "br") text.break_line();
        block(node);
        return true;
      },
      block);
  return text.take();
}

/// The cells of the table, one list per `tr`, with their spans but without positions.
std::vector<std::vector<TableCell>> collect_rows(const HtmlDocument& document, int32_t table) {
  std::vector<std::vector<TableCell>> rows;
  bool in_head = false;
  walk_html(
      document, table,
      [&](int32_t index) {
        const HtmlNode& node = document[index];
        if (index == table) return true;
        if (node.tag == "table") return false;
        if (node.tag == "thead") in_head = true;
        if (node.tag == "tr") rows.emplace_back();
        if ((node.tag != "td" && node.tag != "th") || rows.empty()) return true;
        TableCell cell;
        cell.text = cell_text(document, index);
        cell.row_span = node.row_span;
        cell.column_span = std::clamp<int64_t>(node.column_span, 1, kLargestColumnSpan);
        cell.is_header = in_head || node.tag == "th";
        rows.back().push_back(std::move(cell));
        return false;
      },
      [&](int32_t index) {
        if (document[index].tag == "thead") in_head = false;
      });
  return rows;
}

/// Gives every cell its position. source: HTML, "forming a table"
Table place_cells(std::vector<std::vector<TableCell>> rows) {
  Table table;
  table.num_rows = static_cast<int64_t>(rows.size());
  std::vector<int64_t> free_from;  // per column: the first row that no cell above reaches
  for (int64_t row = 0; row < table.num_rows; ++row) {
    size_t column = 0;
    for (TableCell& cell : rows[static_cast<size_t>(row)]) {
      while (column < free_from.size() && free_from[column] > row) ++column;
      const int64_t below = table.num_rows - row;
      cell.row = row;
      cell.column = static_cast<int64_t>(column);
      cell.row_span = cell.row_span == 0 ? below : std::min(cell.row_span, below);
      const size_t wanted = column + static_cast<size_t>(cell.column_span);
      while (column < wanted && (column >= free_from.size() || free_from[column] <= row)) {
        if (column >= free_from.size()) free_from.push_back(0);
        free_from[column++] = row + cell.row_span;
      }
      cell.column_span = static_cast<int64_t>(column) - cell.column;
      if (static_cast<int64_t>(free_from.size()) > kMaxGridPositions / table.num_rows) {
        throw std::runtime_error("html: a table of " + std::to_string(table.num_rows) +
                                 " rows and " + std::to_string(free_from.size()) +
                                 " or more columns, expected at most " +
                                 std::to_string(kMaxGridPositions) + " positions");
      }
      table.cells.push_back(std::move(cell));
    }
  }
  table.num_columns = static_cast<int64_t>(free_from.size());
  return table;
}

}  // namespace

std::optional<Table> parse_html_table(std::string_view html) {
  const HtmlDocument document = parse_html(html);
  const int32_t table = document.find("table");
  if (table < 0) return std::nullopt;
  Table result = place_cells(collect_rows(document, table));
  if (result.cells.empty()) return std::nullopt;
  return result;
}

}  // namespace nvlm::eval
