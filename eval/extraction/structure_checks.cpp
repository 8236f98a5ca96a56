#include "eval/extraction/structure_checks.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <sstream>

#include "eval/extraction/number_text.h"
#include "eval/table/span_policy.h"
#include "eval/text/code_points.h"

namespace nvlm::eval {
namespace {

constexpr int64_t kMaxLoopRows = 64;      // longest block of rows that is looked for at the end
constexpr size_t kMaxReportedCells = 20;  // a table that repeats 10^5 rows is reported shortly

/// Texts and numbers of all grid positions.
struct Grid {
  int64_t num_rows, num_columns;
  std::vector<std::string> texts;
  std::vector<std::optional<NumberText>> numbers;

  explicit Grid(const Table& table)
      : num_rows(table.num_rows), num_columns(table.num_columns), texts(grid_texts(table)) {
    numbers.reserve(texts.size());
    for (const std::string& text : texts) numbers.push_back(parse_number(text));
  }
  size_t at(int64_t row, int64_t column) const {
    return static_cast<size_t>(row * num_columns + column);
  }
  const std::string& text(int64_t row, int64_t column) const { return texts[at(row, column)]; }
  const std::optional<NumberText>& number(int64_t row, int64_t column) const {
    return numbers[at(row, column)];
  }
  bool row_has_number(int64_t row) const {
    for (int64_t column = 0; column < num_columns; ++column) {
      if (number(row, column)) return true;
    }
    return false;
  }
};

StructureCheck failed(StructureCheck check, std::string message) {
  check.result = CheckResult::kFail;
  check.message = std::move(message);
  if (check.cells.size() > kMaxReportedCells) check.cells.resize(kMaxReportedCells);
  return check;
}

StructureCheck not_applicable(StructureCheck check, std::string message) {
  check.result = CheckResult::kNotApplicable;
  check.message = std::move(message);
  return check;
}

/// "row 3, column 2", counted from 1 as people do.
std::string place_words(int64_t row, int64_t column) {
  return "row " + std::to_string(row + 1) + ", column " + std::to_string(column + 1);
}

std::string number_words(double value) {
  std::ostringstream text;
  text.precision(12);
  text << value;
  return text.str();
}

/// The first row of the body: the first after the headers that holds a number.
int64_t first_body_row(const Table& table, const Grid& grid) {
  int64_t row = std::max<int64_t>(num_header_rows(table), 1);
  while (row < grid.num_rows && !grid.row_has_number(row)) ++row;
  return row;
}

std::vector<std::string> lower_words(const std::string& text) {
  std::vector<std::string> words;
  for (const std::u32string& word : split_words(decode_utf8(lower_case(text)))) {
    std::u32string letters;
    for (const char32_t c : word) {
      if (c > 0x7F || (c >= U'a' && c <= U'z')) letters += c;
    }
    if (!letters.empty()) words.push_back(encode_utf8(letters));
  }
  return words;
}

/// Whether the row's first text names a total. source of the words: English, German, French,
/// Spanish, Italian, Dutch, Portuguese, Polish, Russian, Chinese, Japanese tables
bool is_total_row(const Grid& grid, int64_t row) {
  static const std::set<std::string> kTotals = {
      "total",         "totals", "sum",       "subtotal",    "subtotals", "totale", "totaal",
      "totales",       "totais", "gesamt",    "gesamtsumme", "summe",     "somme",  "insgesamt",
      "zwischensumme", "suma",   "subtotaal", "soustotal",   "итого",     "всего",  "合计",
      "总计",          "小计",   "合計",      "小計",        "総計",      "計"};
  for (int64_t column = 0; column < grid.num_columns; ++column) {
    if (grid.text(row, column).empty()) continue;
    const std::vector<std::string> words = lower_words(grid.text(row, column));
    if (words.empty()) return false;
    if (kTotals.contains(words[0])) return true;
    return words.size() > 1 && (words[0] == "grand" || words[0] == "sub" || words[0] == "sous") &&
           kTotals.contains(words[1]);
  }
  return false;
}

/// Whether the column's titles say that its numbers do not add up.
bool is_no_sum_column(const Grid& grid, int64_t body, int64_t column) {
  static const std::set<std::string> kWords = {
      "average", "avg",  "mean",    "median",     "price",  "rate",  "ratio",
      "share",   "year", "percent", "percentage", "index",  "rank",  "no",
      "nr",      "min",  "max",     "preis",      "anteil", "jahr",  "durchschnitt",
      "mittel",  "prix", "unit",    "age",        "growth", "change"};
  for (int64_t row = 0; row < body; ++row) {
    const std::string& text = grid.text(row, column);
    if (text.find('%') != std::string::npos || text.find("Ø") != std::string::npos) return true;
    for (const std::string& word : lower_words(text)) {
      if (kWords.contains(word)) return true;
    }
  }
  return false;
}

/// Whether a text has a word, which a misread number has not.
bool is_label(const std::string& text) {
  constexpr size_t kWordBytes = 3;
  const std::vector<std::string> words = lower_words(text);
  return std::any_of(words.begin(), words.end(),
                     [](const std::string& word) { return word.size() >= kWordBytes; });
}

bool has_digit(const std::string& text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Whether a text is a number with a remark ("200 (as BTEX)", "2 million") or a range ("0.5-0.7").
bool begins_with_number(const std::string& text) {
  const std::string word = text.substr(0, text.find_first_of(" \n"));
  const size_t dash = word.find('-', 1);
  return parse_number(word).has_value() ||
         (dash != std::string::npos && parse_number(word.substr(0, dash)) &&
          parse_number(word.substr(dash + 1)));
}

/// A sum of displayed numbers and what rounding may do to it.
struct RoundedSum {
  double value = 0, variance = 0;
  int terms = 0;

  void add(const NumberText& number) {
    const double unit = std::pow(10.0, -number.decimals);
    value += number.value;
    variance += unit * unit / 12.0;
    ++terms;
  }
  void add(const RoundedSum& other) {
    value += other.value;
    variance += other.variance;
    terms += other.terms;
  }
};

/// Whether `total` is the sum, to less than two standard deviations of all the rounding: two whole
/// numbers must add up exactly.
bool adds_up(const NumberText& total, const RoundedSum& sum) {
  RoundedSum all = sum;
  all.add(total);
  const double slack = 1e-9 * std::max(1.0, std::abs(total.value));  // of the addition itself
  const double difference = std::abs(total.value - sum.value);
  return difference <= slack || difference < 2.0 * std::sqrt(all.variance) - slack;
}

/// The four sums that a total may be, as far as the rows have been read.
struct RunningSums {
  RoundedSum since_total, all_items, totals, last_total;

  void add_item(const NumberText& number) {
    since_total.add(number);
    all_items.add(number);
  }
  void add_total(const NumberText& number) {
    totals.add(number);
    last_total = {};
    last_total.add(number);
    since_total = {};
  }
  /// Sums of at least two terms, if one of them is near the total.
  std::vector<RoundedSum> candidates(double total) const {
    RoundedSum carried = last_total;
    carried.add(since_total);
    constexpr double kNear = 1.0 / 3.0;  // of the total; else the column is of another kind
    std::vector<RoundedSum> sums;
    bool is_near = false;
    for (const RoundedSum& sum : {since_total, carried, all_items, totals}) {
      if (sum.terms < 2) continue;
      sums.push_back(sum);
      is_near = is_near || std::abs(sum.value - total) <= kNear * std::abs(total);
    }
    if (!is_near) sums.clear();
    return sums;
  }
};

}  // namespace

std::string_view name(CheckResult result) {
  switch (result) {
    case CheckResult::kPass:
      return "pass";
    case CheckResult::kFail:
      return "fail";
    case CheckResult::kNotApplicable:
      break;
  }
  return "not applicable";
}

StructureCheck check_rectangular(const Table& table, bool was_ragged) {
  StructureCheck check{"rectangular", CheckResult::kPass, "", {}};
  if (was_ragged) {
    return failed(std::move(check), "the reader's rows had different lengths and were repaired");
  }
  std::vector<bool> covered(static_cast<size_t>(table.num_rows * table.num_columns));
  for (const TableCell& cell : table.cells) {
    for (int64_t row = cell.row; row < cell.row + cell.row_span; ++row) {
      for (int64_t column = cell.column; column < cell.column + cell.column_span; ++column) {
        covered[static_cast<size_t>(row * table.num_columns + column)] = true;
      }
    }
  }
  for (size_t at = 0; at < covered.size(); ++at) {
    if (covered[at]) continue;
    check.cells.emplace_back(static_cast<int64_t>(at) / table.num_columns,
                             static_cast<int64_t>(at) % table.num_columns);
  }
  if (check.cells.empty()) return check;
  return failed(std::move(check), std::to_string(check.cells.size()) + " positions have no cell");
}

StructureCheck check_repeated_rows(const Table& table) {
  StructureCheck check{"repeated_rows", CheckResult::kPass, "", {}};
  if (table.num_rows < 2) return not_applicable(std::move(check), "fewer than two rows");
  const Grid grid(table);
  const int64_t needed = std::min<int64_t>(2, grid.num_columns);
  const auto row_texts = [&](int64_t row) { return grid.texts.begin() + row * grid.num_columns; };
  const auto counts = [&](int64_t row) {
    return std::count_if(row_texts(row), row_texts(row + 1),
                         [](const std::string& text) { return !text.empty(); }) >= needed;
  };
  const auto same = [&](int64_t a, int64_t b) {
    return std::equal(row_texts(a), row_texts(a + 1), row_texts(b));
  };
  int64_t repeated = 0;
  for (int64_t row = 1; row < grid.num_rows; ++row) {
    if (!counts(row) || !same(row - 1, row)) continue;
    ++repeated;
    check.cells.emplace_back(row, 0);
  }
  if (repeated > 0) {
    return failed(std::move(check), std::to_string(repeated) +
                                        (repeated == 1 ? " row repeats" : " rows repeat") +
                                        " the one above, the first at row " +
                                        std::to_string(check.cells[0].first + 1));
  }
  for (int64_t block = 2; block <= std::min(kMaxLoopRows, grid.num_rows / 2); ++block) {
    bool repeats = true;
    for (int64_t row = grid.num_rows - block; row < grid.num_rows && repeats; ++row) {
      repeats = counts(row) && same(row - block, row);
    }
    if (!repeats) continue;
    for (int64_t row = grid.num_rows - block; row < grid.num_rows; ++row) {
      check.cells.emplace_back(row, 0);
    }
    return failed(std::move(check),
                  "the last " + std::to_string(block) + " rows repeat those before them");
  }
  return check;
}

StructureCheck check_numbers(const Table& table) {
  StructureCheck check{"numbers", CheckResult::kNotApplicable, "no column of numbers", {}};
  const Grid grid(table);
  const int64_t body = first_body_row(table, grid);
  std::vector<bool> row_has_digit(static_cast<size_t>(grid.num_rows));  // headings within have none
  for (size_t at = 0; at < grid.texts.size(); ++at) {
    const size_t row = at / static_cast<size_t>(grid.num_columns);
    row_has_digit[row] = row_has_digit[row] || has_digit(grid.texts[at]);
  }
  std::string first;
  for (int64_t column = 0; column < grid.num_columns; ++column) {
    int64_t numbers = 0, values = 0;
    std::vector<int64_t> bad;
    for (int64_t row = body; row < grid.num_rows; ++row) {
      const std::string& text = grid.text(row, column);
      if (is_no_value(text) || !row_has_digit[static_cast<size_t>(row)]) continue;
      if (grid.number(row, column) || begins_with_number(text)) {
        ++numbers;
      } else if (is_label(text) && (column == 0 || is_total_row(grid, row))) {
        continue;
      } else {
        bad.push_back(row);
      }
      ++values;
    }
    if (numbers < 3 || 4 * numbers < 3 * values) continue;
    if (check.result == CheckResult::kNotApplicable) check.result = CheckResult::kPass;
    for (const int64_t row : bad) {
      if (first.empty()) {
        first = "'" + grid.text(row, column) + "' at " + place_words(row, column) +
                " is no number, as its column has";
      }
      check.cells.emplace_back(row, column);
    }
  }
  if (check.cells.empty()) {
    if (check.result == CheckResult::kPass) check.message.clear();
    return check;
  }
  const size_t others = check.cells.size() - 1;
  if (others > 0) first += "; " + std::to_string(others) + " more";
  return failed(std::move(check), first);
}

StructureCheck check_totals(const Table& table) {
  StructureCheck check{"totals", CheckResult::kNotApplicable, "no row of totals", {}};
  const Grid grid(table);
  const int64_t body = first_body_row(table, grid);
  std::vector<bool> is_total(static_cast<size_t>(grid.num_rows));
  for (int64_t row = body; row < grid.num_rows; ++row) {
    is_total[static_cast<size_t>(row)] = is_total_row(grid, row);
  }
  std::string message;
  for (int64_t column = 0; column < grid.num_columns; ++column) {
    if (is_no_sum_column(grid, body, column)) continue;
    RunningSums sums;
    for (int64_t row = body; row < grid.num_rows; ++row) {
      const std::optional<NumberText>& number = grid.number(row, column);
      if (!number || grid.text(row, column).find('%') != std::string::npos) continue;
      if (!is_total[static_cast<size_t>(row)]) {
        sums.add_item(*number);
        continue;
      }
      const std::vector<RoundedSum> candidates = sums.candidates(number->value);
      if (!candidates.empty()) {
        if (check.result == CheckResult::kNotApplicable) check.result = CheckResult::kPass;
        const bool right =
            std::any_of(candidates.begin(), candidates.end(),
                        [&](const RoundedSum& sum) { return adds_up(*number, sum); });
        if (!right) {
          check.cells.emplace_back(row, column);
          if (message.empty()) {
            message = "the total at " + place_words(row, column) + " is " +
                      number_words(number->value) + ", but the column adds up to " +
                      number_words(candidates.front().value);
          }
        }
      }
      sums.add_total(*number);
    }
  }
  if (check.cells.empty()) {
    if (check.result == CheckResult::kPass) check.message.clear();
    return check;
  }
  const size_t others = check.cells.size() - 1;
  if (others > 0) message += "; " + std::to_string(others) + " more";
  return failed(std::move(check), message);
}

std::vector<StructureCheck> check_structure(const Table& table, bool was_ragged) {
  return {check_rectangular(table, was_ragged), check_repeated_rows(table), check_numbers(table),
          check_totals(table)};
}

}  // namespace nvlm::eval
