// What can be said of a table from the table alone: whether it contradicts itself.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eval/table/table.h"

namespace nvlm::eval {

enum class CheckResult { kPass, kFail, kNotApplicable };

/// "pass", "fail", "not applicable".
std::string_view name(CheckResult result);

struct StructureCheck {
  std::string name;  // "rectangular", "repeated_rows", "numbers", "totals"
  CheckResult result = CheckResult::kNotApplicable;
  std::string message;                             // what was found; blank where it passes
  std::vector<std::pair<int64_t, int64_t>> cells;  // rows and columns concerned, from 0
};

/// Every grid position is covered by a cell, and the reader's answer was not repaired.
/// was_ragged  whether rows of the answer had to be padded or cut
StructureCheck check_rectangular(const Table& table, bool was_ragged);

/// No two rows in a row are the same, and the table does not end by repeating a block of rows (a
/// decoder that loops). Rows with fewer than two texts do not count: blank rows and rules.
StructureCheck check_repeated_rows(const Table& table);

/// In a column whose body holds numbers in at least 3 cells, and in at least 3 of 4 that have a
/// value, every value is a number (parse_number), a range, or a number with a remark behind it. The
/// body begins at the first row with a number; words in the first column and in total rows
/// ("Over 35", "Total") and rows without a digit (headings within the table) do not count.
StructureCheck check_numbers(const Table& table);

/// In a row whose first text says so ("Total", "Sum", "Gesamt", ...), every number is the sum of
/// the numbers above it in one of four ways: all since the previous such row, these and that row,
/// all rows but such rows, or the previous such rows alone. Tolerance: less than two standard
/// deviations of the sum's rounding, each value being uniform within half a unit of its last
/// decimal. Columns of percentages and those whose title says that they do not add up (average,
/// price, rate, ...) do not count, nor do columns with fewer than two terms.
StructureCheck check_totals(const Table& table);

/// All of them, in this order.
std::vector<StructureCheck> check_structure(const Table& table, bool was_ragged);

}  // namespace nvlm::eval
