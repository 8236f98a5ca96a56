// A table before it is drawn, and its ground truth as Markdown, HTML and a model's answer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace nvlm::experiments {

enum class Alignment { kLeft, kCentre, kRight };

/// What a cell's text is made of.
enum class CellContent {
  kEmpty,
  kWords,     // English words and names: a reader could guess them
  kInvented,  // pseudo-words, codes, random strings: must be read
  kNumber     // numbers, dates, marks
};

struct TableCell {
  int64_t row = 0, column = 0;  // top-left position
  int64_t row_span = 1, column_span = 1;
  std::string text;    // UTF-8; '\n' where the picture breaks the line (a blank in the answer)
  int64_t raised = 0;  // so many code points at the end are set as a superscript
  Alignment alignment = Alignment::kLeft;
  CellContent content = CellContent::kEmpty;
};

/// Cells in row-major order of their top-left positions; together they cover the grid once, empty
/// cells included.
struct TableSpec {
  int64_t rows = 0, columns = 0;
  int64_t header_rows = 1;
  std::vector<TableCell> cells;

  bool has_spans() const;
  /// throws std::invalid_argument unless the cells cover the grid exactly once
  void validate() const;
};

/// GitHub-flavoured Markdown in one canonical layout, no newline at the end:
///   | a | b |
///   | --- | --- |
///   | 1 |  |
/// The first row is the header; a spanning cell's text stands in its top-left position, the other
/// covered positions are blank; a line break is one blank; `|` is written `\|`, nothing else is
/// escaped.
std::string to_markdown(const TableSpec& table);

/// The same as a model is taught to write it: the other positions of a spanning cell are marked
/// (eval/table/merge_marks.h).
std::string to_answer(const TableSpec& table);

/// Where the texts stand in to_answer(table): per cell, per code point of its text, the index in
/// code points within the answer (of the `|` itself where one is escaped).
std::vector<std::vector<int64_t>> answer_offsets(const TableSpec& table);

/// `<table>` with `td` only, rowspan and colspan, one row per line, no newline at the end.
std::string to_html(const TableSpec& table);

}  // namespace nvlm::experiments
