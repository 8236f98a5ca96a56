// The grammar of a rectangular Markdown table, byte by byte.
#pragma once

#include <cstdint>
#include <string_view>

namespace nvlm::eval {

/// Where a text stands that is to become
///   | a | b |
///   | --- | --- |
///   | 1 | 2 |
/// The header decides the number of columns, the delimiter row is written just so, and every body
/// row has as many cells. A cell holds any bytes but line breaks; `|` ends it unless a backslash
/// stands before it. A value: copying it is a look ahead.
class TableGrammar {
 public:
  /// Consumes one byte; false if no table goes on with it, and then the state means nothing.
  bool push(char byte);
  /// Consumes all of `bytes`; false as push(char).
  bool push(std::string_view bytes);

  /// Whether the text so far is a whole table (it may end with a line break).
  bool may_end() const { return place_ == Place::kRowEnd || place_ == Place::kNextRow; }
  /// Within a cell, where all bytes but `|`, backslash and line breaks are fine and leave the state
  /// as it is, but for an open backslash.
  bool in_cell() const { return place_ == Place::kCell; }
  /// Bytes that turn the text into a whole table if nothing more is said.
  int64_t bytes_to_end() const;

  /// Equal states allow the same texts.
  bool operator==(const TableGrammar&) const = default;
  /// Equal for equal states; other states rarely share it.
  uint64_t hash() const;

 private:
  enum class Place : uint8_t {
    kStart,      // nothing yet
    kCell,       // behind the pipe that opens a cell
    kDelimiter,  // in the delimiter row, whose next byte is number `at_`
    kRowEnd,     // behind the last pipe of a row below the header
    kNextRow     // behind its line break
  };

  bool push_in_cell(char byte);
  int64_t delimiter_bytes() const;

  Place place_ = Place::kStart;
  bool escaped_ = false;      // in a cell: behind a backslash
  bool cell_empty_ = true;    // in a cell: right behind the pipe
  bool in_header_ = true;     // the number of columns is open
  int64_t num_columns_ = 0;   // closed cells of the header
  int64_t columns_left_ = 0;  // cells that the body row still needs, the open one included
  int64_t at_ = 0;            // in the delimiter row
};

}  // namespace nvlm::eval
