#include "eval/readers/table_grammar.h"

namespace nvlm::eval {
namespace {

constexpr std::string_view kDelimiterCell = " --- |";
constexpr auto kDelimiterCellBytes = static_cast<int64_t>(kDelimiterCell.size());

}  // namespace

int64_t TableGrammar::delimiter_bytes() const { return 1 + num_columns_ * kDelimiterCellBytes; }

bool TableGrammar::push(char byte) {
  switch (place_) {
    case Place::kStart:
      place_ = Place::kCell;
      return byte == '|';
    case Place::kCell:
      return push_in_cell(byte);
    case Place::kDelimiter: {
      const char expected =
          at_ == 0 ? '|' : kDelimiterCell[static_cast<size_t>((at_ - 1) % kDelimiterCellBytes)];
      if (byte != expected) return false;
      if (++at_ == delimiter_bytes()) {
        place_ = Place::kRowEnd;
        at_ = 0;
      }
      return true;
    }
    case Place::kRowEnd:
      place_ = Place::kNextRow;
      return byte == '\n';
    case Place::kNextRow:
      place_ = Place::kCell;
      cell_empty_ = true;
      columns_left_ = num_columns_;
      return byte == '|';
  }
  return false;
}

bool TableGrammar::push_in_cell(char byte) {
  if (byte == '\r') return false;
  if (byte == '\n') {  // ends a header behind its last pipe, and nothing else
    if (!in_header_ || !cell_empty_ || num_columns_ == 0) return false;
    in_header_ = false;
    place_ = Place::kDelimiter;
    return true;
  }
  const bool ends_cell = byte == '|' && !escaped_;
  escaped_ = byte == '\\';
  cell_empty_ = ends_cell;
  if (!ends_cell) return true;
  if (in_header_) {
    ++num_columns_;
  } else if (--columns_left_ == 0) {
    place_ = Place::kRowEnd;
  }
  return true;
}

bool TableGrammar::push(std::string_view bytes) {
  for (const char byte : bytes) {
    if (!push(byte)) return false;
  }
  return true;
}

int64_t TableGrammar::bytes_to_end() const {
  switch (place_) {
    case Place::kStart:
      return 3 + 1 + kDelimiterCellBytes;  // "||\n" and its delimiter row
    case Place::kCell: {
      const int64_t unescape = escaped_ ? 1 : 0;
      if (!in_header_) return unescape + columns_left_;
      const bool complete = cell_empty_ && num_columns_ > 0;
      const int64_t columns = num_columns_ + (complete ? 0 : 1);
      return unescape + (complete ? 0 : 1) + 1 + 1 + columns * kDelimiterCellBytes;
    }
    case Place::kDelimiter:
      return delimiter_bytes() - at_;
    case Place::kRowEnd:
    case Place::kNextRow:
      return 0;
  }
  return 0;
}

uint64_t TableGrammar::hash() const {
  uint64_t value = static_cast<uint64_t>(place_) | (escaped_ ? 8U : 0U) | (cell_empty_ ? 16U : 0U) |
                   (in_header_ ? 32U : 0U);
  for (const int64_t number : {num_columns_, columns_left_, at_}) {
    value = (value ^ static_cast<uint64_t>(number)) * 0x9E3779B97F4A7C15U;
    value ^= value >> 29;
  }
  return value;
}

}  // namespace nvlm::eval
