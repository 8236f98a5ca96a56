#include "experiments/data/table_spec.h"

#include <algorithm>
#include <stdexcept>

#include "eval/table/merge_marks.h"
#include "experiments/data/utf8.h"

namespace nvlm::experiments {
namespace {

/// Calls visit(position) for every grid position that `cell` covers.
template <class Visit>
void for_each_position(const TableSpec& table, const TableCell& cell, Visit visit) {
  for (int64_t row = cell.row; row < cell.row + cell.row_span; ++row) {
    for (int64_t column = cell.column; column < cell.column + cell.column_span; ++column) {
      visit(static_cast<size_t>(row * table.columns + column));
    }
  }
}

/// Cell that covers each grid position, row-major.
std::vector<size_t> covering_cells(const TableSpec& table) {
  std::vector<size_t> covering(static_cast<size_t>(table.rows * table.columns));
  for (size_t i = 0; i < table.cells.size(); ++i) {
    for_each_position(table, table.cells[i], [&](size_t at) { covering[at] = i; });
  }
  return covering;
}

bool starts_at(const TableCell& cell, int64_t row, int64_t column) {
  return cell.row == row && cell.column == column;
}

/// What stands in the positions of a spanning cell besides its first.
enum class CoveredPositions { kBlank, kMarked };

/// Writes the Markdown; when `offsets` is given, also notes where each code point went.
std::string write_markdown(const TableSpec& table, CoveredPositions covered,
                           std::vector<std::vector<int64_t>>* offsets) {
  table.validate();
  const std::vector<size_t> covering = covering_cells(table);
  std::string markdown;
  int64_t position = 0;  // in code points
  const auto append = [&](std::string_view text) {
    markdown += text;
    position += num_code_points(text);
  };
  const auto append_text = [&](size_t index) {
    for (const char32_t c : code_points(table.cells[index].text)) {
      if (c == U'|') append("\\");
      if (offsets) (*offsets)[index].push_back(position);
      append(c == U'\n' ? " " : to_utf8(c));
    }
  };
  for (int64_t row = 0; row < table.rows; ++row) {
    if (row > 0) append("\n");
    append("|");
    for (int64_t column = 0; column < table.columns; ++column) {
      append(" ");
      const size_t index = covering[static_cast<size_t>(row * table.columns + column)];
      const TableCell& cell = table.cells[index];
      if (starts_at(cell, row, column)) {
        append_text(index);
      } else if (covered == CoveredPositions::kMarked) {
        append(eval::merge_mark(cell.row, row));
      }
      append(" |");
    }
    if (row == 0) {
      append("\n|");
      for (int64_t column = 0; column < table.columns; ++column) append(" --- |");
    }
  }
  return markdown;
}

std::string escape_html(const std::string& text) {
  std::string html;
  for (const char c : text) {
    switch (c) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '\n':
        html += ' ';
        break;
      default:
        html += c;
    }
  }
  return html;
}

}  // namespace

bool TableSpec::has_spans() const {
  return std::any_of(cells.begin(), cells.end(), [](const TableCell& cell) {
    return cell.row_span > 1 || cell.column_span > 1;
  });
}

void TableSpec::validate() const {
  if (rows < 1 || columns < 1) {
    throw std::invalid_argument("data.table: " + std::to_string(rows) + " rows x " +
                                std::to_string(columns) + " columns, expected at least 1 x 1");
  }
  std::vector<int64_t> covered(static_cast<size_t>(rows * columns), 0);
  for (const TableCell& cell : cells) {
    const bool fits = cell.row >= 0 && cell.column >= 0 && cell.row_span >= 1 &&
                      cell.column_span >= 1 && cell.row + cell.row_span <= rows &&
                      cell.column + cell.column_span <= columns;
    if (!fits) {
      throw std::invalid_argument("data.table: the cell at row " + std::to_string(cell.row) +
                                  ", column " + std::to_string(cell.column) +
                                  " does not fit into the grid");
    }
    for_each_position(*this, cell, [&](size_t at) { ++covered[at]; });
  }
  const auto wrong = std::find_if(covered.begin(), covered.end(), [](int64_t n) { return n != 1; });
  if (wrong != covered.end()) {
    const int64_t at = wrong - covered.begin();
    throw std::invalid_argument("data.table: row " + std::to_string(at / columns) + ", column " +
                                std::to_string(at % columns) + " is covered by " +
                                std::to_string(*wrong) + " cells, expected 1");
  }
}

std::string to_markdown(const TableSpec& table) {
  return write_markdown(table, CoveredPositions::kBlank, nullptr);
}

std::string to_answer(const TableSpec& table) {
  return write_markdown(table, CoveredPositions::kMarked, nullptr);
}

std::vector<std::vector<int64_t>> answer_offsets(const TableSpec& table) {
  std::vector<std::vector<int64_t>> offsets(table.cells.size());
  write_markdown(table, CoveredPositions::kMarked, &offsets);
  return offsets;
}

std::string to_html(const TableSpec& table) {
  table.validate();
  const std::vector<size_t> covering = covering_cells(table);
  std::string html = "<table>\n";
  for (int64_t row = 0; row < table.rows; ++row) {
    html += "<tr>";
    for (int64_t column = 0; column < table.columns; ++column) {
      const TableCell& cell =
          table.cells[covering[static_cast<size_t>(row * table.columns + column)]];
      if (!starts_at(cell, row, column)) continue;
      html += "<td";
      if (cell.row_span > 1) html += " rowspan=\"" + std::to_string(cell.row_span) + "\"";
      if (cell.column_span > 1) html += " colspan=\"" + std::to_string(cell.column_span) + "\"";
      html += ">" + escape_html(cell.text) + "</td>";
    }
    html += "</tr>\n";
  }
  return html + "</table>";
}

}  // namespace nvlm::experiments
