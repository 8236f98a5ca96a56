#include "eval/table/otsl_parser.h"

#include <algorithm>
#include <set>
#include <stdexcept>

namespace nvlm::eval {
namespace {

enum class OtslKind { kCell, kLeft, kUp, kCross };

struct OtslPosition {
  OtslKind kind = OtslKind::kCell;
  bool has_text = false, is_header = false;
};

[[noreturn]] void bad_otsl(size_t row, size_t column, const std::string& what) {
  throw std::runtime_error("OTSL row " + std::to_string(row) + ", column " +
                           std::to_string(column) + ": " + what);
}

std::string without_brackets(std::string token) {
  if (token.size() > 2 && token.front() == '<' && token.back() == '>') {
    token = token.substr(1, token.size() - 2);
  }
  return token;
}

bool is_otsl_token(std::string_view name) {
  static const std::set<std::string_view> kNames = {"fcel", "ecel", "lcel", "ucel", "xcel",
                                                    "nl",   "ched", "rhed", "srow"};
  return kNames.contains(name);
}

OtslPosition position_of(const std::string& token, size_t row, size_t column) {
  if (token == "fcel") return {OtslKind::kCell, true, false};
  if (token == "ecel") return {OtslKind::kCell, false, false};
  if (token == "ched" || token == "rhed" || token == "srow") return {OtslKind::kCell, true, true};
  if (token == "lcel") return {OtslKind::kLeft, false, false};
  if (token == "ucel") return {OtslKind::kUp, false, false};
  if (token == "xcel") return {OtslKind::kCross, false, false};
  bad_otsl(row, column, "'" + token + "' is no token");
}

using OtslGrid = std::vector<std::vector<OtslPosition>>;

OtslGrid read_grid(const std::vector<std::string>& tokens) {
  OtslGrid grid;
  std::vector<OtslPosition> row;
  const auto end_row = [&] {
    if (!grid.empty() && grid.front().size() != row.size()) {
      bad_otsl(grid.size(), row.size(),
               "the row has " + std::to_string(row.size()) + " cells, expected " +
                   std::to_string(grid.front().size()));
    }
    if (row.empty()) bad_otsl(grid.size(), 0, "the row is empty");
    grid.push_back(std::move(row));
    row.clear();
  };
  for (const std::string& written : tokens) {
    const std::string token = without_brackets(written);
    if (token == "nl") {
      end_row();
    } else {
      row.push_back(position_of(token, grid.size(), row.size()));
    }
  }
  if (!row.empty()) end_row();
  if (grid.empty()) throw std::runtime_error("OTSL: no tokens");
  if (static_cast<int64_t>(grid.size()) * static_cast<int64_t>(grid.front().size()) >
      kMaxGridPositions) {
    throw std::runtime_error("OTSL: more than " + std::to_string(kMaxGridPositions) + " cells");
  }
  return grid;
}

/// The cell that begins at `row`, `column`: as many lcel to its right and ucel below as there are,
/// and xcel between.
TableCell cell_at(const OtslGrid& grid, size_t row, size_t column) {
  size_t right = column + 1;
  while (right < grid[row].size() && grid[row][right].kind == OtslKind::kLeft) ++right;
  size_t below = row + 1;
  while (below < grid.size() && grid[below][column].kind == OtslKind::kUp) ++below;
  for (size_t i = row + 1; i < below; ++i) {
    for (size_t j = column + 1; j < right; ++j) {
      if (grid[i][j].kind != OtslKind::kCross) bad_otsl(i, j, "expected xcel within a merged cell");
    }
  }
  TableCell cell;
  cell.row = static_cast<int64_t>(row);
  cell.column = static_cast<int64_t>(column);
  cell.row_span = static_cast<int64_t>(below - row);
  cell.column_span = static_cast<int64_t>(right - column);
  cell.is_header = grid[row][column].is_header;
  return cell;
}

}  // namespace

Table parse_otsl(const std::vector<std::string>& tokens, const std::vector<std::string>& texts) {
  const OtslGrid grid = read_grid(tokens);
  Table table{static_cast<int64_t>(grid.size()), static_cast<int64_t>(grid.front().size()), {}};
  int64_t covered = 0;
  size_t next_text = 0;
  for (size_t row = 0; row < grid.size(); ++row) {
    for (size_t column = 0; column < grid[row].size(); ++column) {
      if (grid[row][column].kind != OtslKind::kCell) continue;
      TableCell cell = cell_at(grid, row, column);
      if (grid[row][column].has_text) {
        if (next_text < texts.size()) cell.text = texts[next_text];
        ++next_text;
      }
      covered += cell.row_span * cell.column_span;
      table.cells.push_back(std::move(cell));
    }
  }
  if (next_text != texts.size()) {
    throw std::runtime_error("OTSL: " + std::to_string(next_text) + " cells with text but " +
                             std::to_string(texts.size()) + " texts");
  }
  // Merged cells never overlap, since a position has one token: what is left over has no cell.
  if (covered != table.num_rows * table.num_columns) {
    throw std::runtime_error("OTSL: a merge token without a cell to merge with");
  }
  return table;
}

Table parse_otsl(std::string_view text) {
  std::vector<std::string> tokens;
  std::vector<std::string> texts;
  bool takes_text = false;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text[at] == '<' ? text.find('>', at) : std::string_view::npos;
    if (end != std::string_view::npos) {
      const std::string_view name = text.substr(at + 1, end - at - 1);
      if (is_otsl_token(name)) {
        tokens.emplace_back(name);
        takes_text = name == "fcel" || name == "ched" || name == "rhed" || name == "srow";
        if (takes_text) texts.emplace_back();
        at = end + 1;
        continue;
      }
      if (name == "otsl" || name == "/otsl") {
        at = end + 1;
        continue;
      }
    }
    if (takes_text) {
      texts.back() += text[at];
    } else if (text[at] != ' ' && text[at] != '\n') {
      throw std::runtime_error("OTSL: text at byte " + std::to_string(at) +
                               " that belongs to no cell");
    }
    ++at;
  }
  return parse_otsl(tokens, texts);
}

}  // namespace nvlm::eval
