#include "eval/table/span_policy.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "common/error.h"
#include "common/nearest_name.h"

namespace nvlm::eval {
namespace {

std::string first_span(const Table& table) {
  for (const TableCell& cell : table.cells) {
    if (cell.row_span == 1 && cell.column_span == 1) continue;
    return "row " + std::to_string(cell.row + 1) + ", column " + std::to_string(cell.column + 1) +
           " covers " + std::to_string(cell.row_span) + " x " + std::to_string(cell.column_span);
  }
  return "";
}

/// For every grid position the cell that covers it, or nothing.
std::vector<const TableCell*> covering_cells(const Table& table) {
  std::vector<const TableCell*> covering(static_cast<size_t>(table.num_rows * table.num_columns));
  for (const TableCell& cell : table.cells) {
    for (int64_t row = cell.row; row < cell.row + cell.row_span; ++row) {
      for (int64_t column = cell.column; column < cell.column + cell.column_span; ++column) {
        covering[static_cast<size_t>(row * table.num_columns + column)] = &cell;
      }
    }
  }
  return covering;
}

/// One column's titles, joined.
TableCell joined_title(const std::vector<const TableCell*>& covering, int64_t column, int64_t rows,
                       int64_t num_columns) {
  TableCell title;
  title.column = column;
  title.is_header = true;
  std::vector<std::string> texts;
  for (int64_t row = 0; row < rows; ++row) {
    const TableCell* cell = covering[static_cast<size_t>(row * num_columns + column)];
    if (cell == nullptr) continue;
    if (cell->probability) {
      title.probability = std::min(title.probability.value_or(1.0), *cell->probability);
    }
    if (cell->column == column) title.box = cell->box;
    const bool known = std::find(texts.begin(), texts.end(), cell->text) != texts.end();
    if (!cell->text.empty() && !known) texts.push_back(cell->text);
  }
  for (const std::string& text : texts) title.text += (title.text.empty() ? "" : " / ") + text;
  return title;
}

}  // namespace

SpanPolicy parse_span_policy(std::string_view name) {
  static const std::vector<std::pair<std::string, SpanPolicy>> kPolicies = {
      {"repeat", SpanPolicy::kRepeat},
      {"blank", SpanPolicy::kBlank},
      {"html", SpanPolicy::kHtml},
      {"error", SpanPolicy::kError}};
  std::vector<std::string> names;
  for (const auto& [known, policy] : kPolicies) {
    if (known == name) return policy;
    names.push_back(known);
  }
  throw UsageError("--spans is '" + std::string(name) + "', expected repeat, blank, html or error" +
                   did_you_mean(std::string(name), names));
}

Table without_spans(const Table& table, SpanPolicy policy) {
  if (policy == SpanPolicy::kError && table.has_spans()) {
    throw std::runtime_error("the table has merged cells (" + first_span(table) +
                             ") and --spans is error");
  }
  Table flat = flattened(table);
  const std::vector<const TableCell*> covering = covering_cells(table);
  for (size_t at = 0; at < covering.size(); ++at) {
    if (covering[at] == nullptr) continue;
    flat.cells[at].probability = covering[at]->probability;
    flat.cells[at].box = covering[at]->box;
    if (policy == SpanPolicy::kRepeat) flat.cells[at].text = covering[at]->text;
  }
  return flat;
}

int64_t num_header_rows(const Table& table) {
  int64_t rows = table.cells.empty() ? 0 : table.num_rows;
  for (const TableCell& cell : table.cells) {
    if (!cell.is_header) rows = std::min(rows, cell.row);
  }
  return rows;
}

Table join_header_rows(const Table& table) {
  const int64_t header_rows = num_header_rows(table);
  if (header_rows < 2 || header_rows == table.num_rows) return table;
  const std::vector<const TableCell*> covering = covering_cells(table);
  Table joined{table.num_rows - header_rows + 1, table.num_columns, {}};
  for (int64_t column = 0; column < table.num_columns; ++column) {
    joined.cells.push_back(joined_title(covering, column, header_rows, table.num_columns));
  }
  for (const TableCell& cell : table.cells) {
    if (cell.row < header_rows) continue;
    TableCell moved = cell;
    moved.row -= header_rows - 1;
    joined.cells.push_back(std::move(moved));
  }
  return joined;
}

}  // namespace nvlm::eval
