// What stands in the columns of synthetic tables: one kind and one format per column.
#pragma once

#include <string>

#include "common/random.h"
#include "experiments/data/difficulty.h"
#include "experiments/data/table_spec.h"

namespace nvlm::experiments {

enum class ColumnKind {
  kText,
  kName,
  kCode,
  kInteger,
  kDecimal,
  kCurrency,
  kPercent,
  kDate,
  kYear,
  kMark,     // yes / no, plus / minus
  kUnit,     // 12.5 kg
  kRange,    // 3-5 with an en dash
  kSpread,   // 3.4 ± 0.2
  kProduct,  // 3 × 4
  kTime
};

/// How all values of a column are written.
struct ColumnFormat {
  ColumnKind kind = ColumnKind::kText;
  int64_t decimals = 0;
  int64_t magnitude = 3;       // numbers have up to so many digits before the point
  std::string thousands;       // "", "," or " "
  std::string prefix, suffix;  // currency or unit
  int64_t variant = 0;         // which of a kind's notations
  bool negative = false;       // may be below zero
};

struct CellText {
  std::string text;
  CellContent content = CellContent::kEmpty;
};

/// A random format whose values can fit into max_characters.
ColumnFormat random_column(Random& random, int64_t max_characters);

/// The format of a column of row labels: mostly words, names and codes.
ColumnFormat random_label_column(Random& random, int64_t max_characters);

/// A value of the column, 1 .. max_line_characters code points, no blank at either end.
CellText column_value(const ColumnFormat& format, const TableDifficulty& difficulty,
                      Random& random);

/// Words, or with difficulty.invented_text something invented, 1 .. max_line_characters.
CellText text_value(const TableDifficulty& difficulty, Random& random);

/// A heading for a column.
CellText heading(const ColumnFormat& format, const TableDifficulty& difficulty, Random& random);

bool is_text(ColumnKind kind);

}  // namespace nvlm::experiments
