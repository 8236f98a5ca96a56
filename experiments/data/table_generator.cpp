#include "experiments/data/table_generator.h"

#include "experiments/data/cell_text.h"
#include "experiments/data/utf8.h"

namespace nvlm::experiments {
namespace {

/// Builds one table cell by cell in row-major order.
class TableBuilder {
 public:
  TableBuilder(Random& random, const TableDifficulty& difficulty)
      : random_(random), difficulty_(difficulty) {
    table_.rows = random.integer(difficulty.min_rows, difficulty.max_rows);
    table_.columns = random.integer(difficulty.min_columns, difficulty.max_columns);
    covered_.assign(static_cast<size_t>(table_.rows * table_.columns), false);
    choose_columns();
  }

  TableSpec build() {
    const bool two_rows =
        table_.rows >= 4 && table_.columns >= 3 && random_.chance(difficulty_.two_row_header);
    two_rows ? add_two_row_header() : add_header();
    add_body();
    fill_empty_rows();
    fill_empty_columns();
    return std::move(table_);
  }

 private:
  struct Column {
    ColumnFormat format;
    Alignment alignment = Alignment::kLeft, heading_alignment = Alignment::kLeft;
  };

  void choose_columns() {
    const bool centre_headings = random_.chance(0.35);
    for (int64_t c = 0; c < table_.columns; ++c) {
      Column column;
      const int64_t limit = difficulty_.max_line_characters;
      column.format = c == 0 ? random_label_column(random_, limit) : random_column(random_, limit);
      const double draw = random_.uniform();
      if (is_text(column.format.kind)) {
        column.alignment = draw < 0.8 ? Alignment::kLeft : Alignment::kCentre;
      } else {
        column.alignment = draw < 0.6    ? Alignment::kRight
                           : draw < 0.85 ? Alignment::kCentre
                                         : Alignment::kLeft;
      }
      column.heading_alignment = centre_headings ? Alignment::kCentre : column.alignment;
      columns_.push_back(column);
    }
  }

  bool is_covered(int64_t row, int64_t column) const {
    return covered_[static_cast<size_t>(row * table_.columns + column)];
  }

  /// True when the positions column .. column + count - 1 of the row are all free.
  bool is_free(int64_t row, int64_t column, int64_t count) const {
    if (row >= table_.rows || column + count > table_.columns) return false;
    for (int64_t c = column; c < column + count; ++c) {
      if (is_covered(row, c)) return false;
    }
    return true;
  }

  TableCell& add_cell(int64_t row, int64_t column, int64_t row_span, int64_t column_span,
                      CellText value, Alignment alignment) {
    for (int64_t r = row; r < row + row_span; ++r) {
      for (int64_t c = column; c < column + column_span; ++c) {
        covered_[static_cast<size_t>(r * table_.columns + c)] = true;
      }
    }
    TableCell cell;
    cell.row = row, cell.column = column;
    cell.row_span = row_span, cell.column_span = column_span;
    cell.text = std::move(value.text);
    cell.content = value.content;
    cell.alignment = alignment;
    table_.cells.push_back(std::move(cell));
    return table_.cells.back();
  }

  CellText heading_of(int64_t column) {
    return heading(columns_[static_cast<size_t>(column)].format, difficulty_, random_);
  }

  void add_header() {
    for (int64_t c = 0; c < table_.columns; ++c) {
      const bool stub = c == 0 && table_.columns > 1 && random_.chance(0.08);
      TableCell& cell = add_cell(0, c, 1, 1, stub ? CellText{} : heading_of(c),
                                 columns_[static_cast<size_t>(c)].heading_alignment);
      if (!stub) decorate(cell);
    }
  }

  /// Groups of columns under a common heading; columns without a group have one tall heading.
  void add_two_row_header() {
    table_.header_rows = 2;
    for (int64_t c = 0; c < table_.columns;) {
      const int64_t room = table_.columns - c;
      const int64_t width =
          c == 0 || random_.chance(0.25) ? 1 : std::min<int64_t>(room, random_.integer(2, 4));
      const bool group = width > 1;
      TableCell& cell =
          add_cell(0, c, group ? 1 : 2, width, heading_of(c),
                   group ? Alignment::kCentre : columns_[static_cast<size_t>(c)].heading_alignment);
      decorate(cell);
      c += width;
    }
    for (int64_t c = 0; c < table_.columns; ++c) {
      if (is_covered(1, c)) continue;
      decorate(
          add_cell(1, c, 1, 1, heading_of(c), columns_[static_cast<size_t>(c)].heading_alignment));
    }
  }

  void add_body() {
    const bool total =
        table_.rows > table_.header_rows + 1 && random_.chance(difficulty_.total_row);
    for (int64_t row = table_.header_rows; row < table_.rows; ++row) {
      const bool last = row + 1 == table_.rows;
      const bool section = !last && row > 0 && table_.columns > 1 &&
                           is_free(row, 0, table_.columns) &&
                           random_.chance(difficulty_.span * 0.4);
      if (section) {
        add_cell(row, 0, 1, table_.columns, text_value(difficulty_, random_),
                 random_.chance(0.6) ? Alignment::kLeft : Alignment::kCentre);
        continue;
      }
      for (int64_t c = 0; c < table_.columns; ++c) {
        if (is_covered(row, c)) continue;
        if (c == 0 && total && last) {
          static const std::vector<std::string> labels = {"Total", "Sum", "All", "Mean", "TOTAL"};
          add_cell(row, c, 1, 1, {random_.pick(labels), CellContent::kWords}, Alignment::kLeft);
          continue;
        }
        add_body_cell(row, c, total);
      }
    }
  }

  void add_body_cell(int64_t row, int64_t c, bool total) {
    const Column& column = columns_[static_cast<size_t>(c)];
    int64_t row_span = 1, column_span = 1;
    const int64_t rows_left = table_.rows - row - total;
    if (c == 0 && rows_left >= 2 && table_.columns > 1 && random_.chance(difficulty_.span)) {
      row_span = random_.integer(2, std::min<int64_t>(3, rows_left));
    } else if (c > 0 && is_free(row, c, 2) && random_.chance(difficulty_.span * 0.2)) {
      column_span = 2;
    }
    const double empty = c == 0 ? difficulty_.empty_cell * 0.3 : difficulty_.empty_cell;
    const bool is_empty = row_span * column_span == 1 && random_.chance(empty);
    TableCell& cell =
        add_cell(row, c, row_span, column_span,
                 is_empty ? CellText{} : column_value(column.format, difficulty_, random_),
                 column_span > 1 ? Alignment::kCentre : column.alignment);
    if (!is_empty) decorate(cell);
  }

  /// More lines in text cells, and footnote marks.
  void decorate(TableCell& cell) {
    const bool text = cell.content == CellContent::kWords || cell.content == CellContent::kInvented;
    if (text && difficulty_.max_lines > 1 && random_.chance(difficulty_.multi_line_cell)) {
      const int64_t more = random_.integer(1, difficulty_.max_lines - 1);
      for (int64_t i = 0; i < more; ++i) cell.text += "\n" + text_value(difficulty_, random_).text;
    }
    if (random_.chance(difficulty_.footnote_mark)) {
      static const std::vector<std::string> marks = {"a", "b", "c", "1", "2", "3", "*", "**"};
      const std::string& mark = random_.pick(marks);
      if (cell.text.back() == '\\') return;
      cell.text += mark;
      cell.raised = static_cast<int64_t>(mark.size());
    }
  }

  void fill(TableCell& cell) {
    CellText value =
        column_value(columns_[static_cast<size_t>(cell.column)].format, difficulty_, random_);
    cell.text = std::move(value.text);
    cell.content = value.content;
  }

  void fill_empty_rows() {
    for (int64_t row = 0; row < table_.rows; ++row) {
      TableCell* first = nullptr;
      bool seen = false;
      for (TableCell& cell : table_.cells) {
        if (cell.row != row) continue;
        if (!first) first = &cell;
        seen = seen || !cell.text.empty();
      }
      if (!seen && first) fill(*first);
    }
  }

  void fill_empty_columns() {
    for (int64_t column = 0; column < table_.columns; ++column) {
      TableCell* last = nullptr;
      bool seen = false;
      for (TableCell& cell : table_.cells) {
        if (cell.column != column || cell.column_span > 1) continue;
        last = &cell;
        seen = seen || !cell.text.empty();
      }
      if (!seen && last) fill(*last);
    }
  }

  Random& random_;
  const TableDifficulty& difficulty_;
  TableSpec table_;
  std::vector<bool> covered_;
  std::vector<Column> columns_;
};

}  // namespace

TableSpec generate_table(Random& random, const TableDifficulty& difficulty) {
  difficulty.validate();
  return TableBuilder(random, difficulty).build();
}

}  // namespace nvlm::experiments
