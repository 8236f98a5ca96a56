#include "eval/readers/rules/rows.h"

#include <algorithm>

#include "eval/text/code_points.h"

namespace nvlm::eval {
namespace {

bool starts_lower(const std::string& text) {
  const std::u32string points = decode_utf8(text);
  if (points.empty()) return false;
  const char32_t c = points[0];
  return (c >= U'a' && c <= U'z') || c == U'(' || c == U'&' || (c >= 0xDF && c <= 0xFF);
}

bool only_first(const LineCells& line) { return line.is_filled(0) && line.num_filled() == 1; }

/// Whether the lines of a grid's row are rows of their own: numbers stand below each other.
bool holds_rows(const std::vector<LineCells>& lines) {
  const size_t columns = lines[0].texts.size();
  size_t stacked = 0, texts = 0;
  for (size_t column = 0; column < columns; ++column) {
    size_t numbers = 0, filled = 0;
    for (const LineCells& line : lines) {
      numbers += line.is_filled(column) && is_numeric(line.texts[column]) ? 1 : 0;
      filled += line.is_filled(column) ? 1 : 0;
    }
    if (numbers >= 2 && 2 * numbers > lines.size()) ++stacked;
    if (2 * filled > lines.size()) ++texts;
  }
  return stacked >= 1 && texts >= 2;
}

/// Whether `line` goes on with what `above` began.
bool continues(const LineCells& above, const LineCells& line, double row_pitch) {
  if (above.crosses_columns() || line.crosses_columns()) return false;
  const size_t columns = line.texts.size();
  for (size_t column = 1; column < columns; ++column) {  // two numbers are two rows
    if (above.is_filled(column) && line.is_filled(column) && is_numeric(above.texts[column]) &&
        is_numeric(line.texts[column])) {
      return false;
    }
  }
  const double pitch = line.centre - above.centre;
  const bool close = row_pitch > 0 && pitch < 0.87 * row_pitch;
  const bool far = row_pitch > 0 && pitch > 1.3 * row_pitch;
  if (far) return false;
  if (only_first(line) && above.num_numbers() > 0) {
    return close || starts_lower(line.texts[0]);
  }
  if (only_first(above) && line.num_numbers() > 0) {
    return line.is_filled(0) ? close || starts_lower(line.texts[0]) : close;
  }
  if (!line.is_filled(0)) {  // a text cell wraps
    for (size_t column = 1; column < columns; ++column) {
      if (line.is_filled(column) && !above.is_filled(column)) return false;
    }
    return line.num_numbers() == 0 || close;
  }
  return close && line.num_numbers() == 0;
}

}  // namespace

int64_t LineCells::num_numbers() const {
  int64_t numbers = 0;
  for (size_t column = 1; column < texts.size(); ++column) {
    numbers += is_filled(column) && is_numeric(texts[column]) ? 1 : 0;
  }
  return numbers;
}

int64_t LineCells::num_filled() const {
  return std::count_if(texts.begin(), texts.end(),
                       [](const std::string& text) { return !text.empty(); });
}

bool LineCells::crosses_columns() const {
  for (size_t column = 0; column < texts.size(); ++column) {
    if (is_filled(column) && last_columns[column] > static_cast<int64_t>(column)) return true;
  }
  return false;
}

std::vector<int64_t> rows_of_lines(const std::vector<LineCells>& lines, BandKind kind,
                                   double row_pitch) {
  std::vector<int64_t> rows(lines.size(), 0);
  if (lines.empty()) return rows;
  const bool one_row = kind == BandKind::kBoxed && !holds_rows(lines);
  for (size_t i = 1; i < lines.size(); ++i) {
    bool joined = one_row;
    if (kind == BandKind::kHeader) {
      joined = !lines[i - 1].crosses_columns() && !lines[i].crosses_columns();
    } else if (!one_row) {
      joined = continues(lines[i - 1], lines[i], row_pitch);
    }
    rows[i] = rows[i - 1] + (joined ? 0 : 1);
  }
  return rows;
}

}  // namespace nvlm::eval
