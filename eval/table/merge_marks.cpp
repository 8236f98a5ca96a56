#include "eval/table/merge_marks.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "eval/table/gfm_parser.h"
#include "eval/table/gfm_writer.h"
#include "eval/table/html_writer.h"

namespace nvlm::eval {
namespace {

bool is_mark(std::string_view text) { return text == kMergedLeft || text == kMergedUp; }

/// Whether `text` is a mark behind any number of backslashes.
bool is_escaped_mark(std::string_view text) {
  return is_mark(text.substr(std::min(text.find_first_not_of('\\'), text.size())));
}

/// Grows cells over the marks on their right and below, row by row.
class CellMerger {
 public:
  explicit CellMerger(Table table)
      : table_(std::move(table)), owners_(table_.cells.size(), kNobody) {}

  Table merged() {
    for (size_t at = 0; at < table_.cells.size(); ++at) {
      if (owners_[at] != kNobody) continue;
      TableCell& cell = table_.cells[at];
      if (is_mark(cell.text)) {
        cell.text.clear();  // there is no cell that it belongs to
      } else if (is_escaped_mark(cell.text)) {
        cell.text.erase(0, 1);
      }
      owners_[at] = at;
      grow_right(at);
      grow_down(at);
    }
    std::vector<TableCell> kept;
    for (size_t at = 0; at < table_.cells.size(); ++at) {
      if (owners_[at] == at) kept.push_back(std::move(table_.cells[at]));
    }
    table_.cells = std::move(kept);
    return std::move(table_);
  }

 private:
  static constexpr size_t kNobody = static_cast<size_t>(-1);

  size_t width() const { return static_cast<size_t>(table_.num_columns); }
  bool has_text(size_t at, std::string_view text) const {
    return owners_[at] == kNobody && table_.cells[at].text == text;
  }

  void grow_right(size_t first) {
    TableCell& cell = table_.cells[first];
    const size_t room = width() - first % width();
    for (size_t i = 1; i < room && has_text(first + i, kMergedLeft); ++i) {
      owners_[first + i] = first;
      ++cell.column_span;
    }
  }

  void grow_down(size_t first) {
    TableCell& cell = table_.cells[first];
    const auto columns = static_cast<size_t>(cell.column_span);
    for (size_t row = first + width(); row < table_.cells.size(); row += width()) {
      for (size_t i = 0; i < columns; ++i) {
        if (!has_text(row + i, kMergedUp)) return;
      }
      std::fill_n(owners_.begin() + static_cast<std::ptrdiff_t>(row), columns, first);
      ++cell.row_span;
    }
  }

  Table table_;
  std::vector<size_t> owners_;  // per position, the first position of its cell
};

}  // namespace

std::string write_marked_gfm(const Table& table) {
  Table marked = flattened(table);
  for (TableCell& cell : marked.cells) {
    if (is_escaped_mark(cell.text)) cell.text.insert(0, 1, '\\');
  }
  for (const TableCell& cell : table.cells) {
    for_each_position(table, cell, [&](size_t at, bool is_top_left) {
      TableCell& position = marked.cells[at];
      if (!is_top_left) position.text = merge_mark(cell.row, position.row);
    });
  }
  return write_gfm(marked);
}

Table merge_marked_cells(Table table) { return CellMerger(std::move(table)).merged(); }

std::string answer_with_spans(std::string answer) {
  std::optional<GfmTable> gfm = parse_gfm_table(answer);
  if (!gfm || gfm->is_ragged()) return answer;
  const Table merged = merge_marked_cells(std::move(gfm->table));
  return merged.has_spans() ? write_html(merged) : answer;
}

}  // namespace nvlm::eval
