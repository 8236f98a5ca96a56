#include "experiments/data/text_corpus.h"

#include <algorithm>

#include "experiments/data/cell_text.h"
#include "experiments/data/table_generator.h"
#include "experiments/data/vocabulary.h"

namespace nvlm::experiments {
namespace {

using Strings = std::vector<std::string>;

/// A table as a grid of one-line texts; covered positions are empty.
std::vector<Strings> grid_of(const TableSpec& table) {
  std::vector<Strings> grid(static_cast<size_t>(table.rows),
                            Strings(static_cast<size_t>(table.columns)));
  for (const TableCell& cell : table.cells) {
    std::string text = cell.text;
    std::replace(text.begin(), text.end(), '\n', ' ');
    grid[static_cast<size_t>(cell.row)][static_cast<size_t>(cell.column)] = std::move(text);
  }
  return grid;
}

std::string joined(const Strings& texts, const std::string& separator) {
  std::string result;
  for (size_t i = 0; i < texts.size(); ++i) result += (i ? separator : "") + texts[i];
  return result;
}

TableSpec corpus_table(Random& random) {
  const double draw = random.uniform();
  TableDifficulty difficulty = draw < 0.5 ? easy() : draw < 0.85 ? medium() : hard();
  difficulty.min_rows = random.chance(0.2) ? 1 : 2;
  difficulty.max_rows = std::min<int64_t>(difficulty.max_rows, 8);
  difficulty.min_columns = random.chance(0.2) ? 1 : 2;
  difficulty.max_columns = std::min<int64_t>(difficulty.max_columns, 6);
  return generate_table(random, difficulty);
}

std::string rows_notation(const std::vector<Strings>& grid, Random& random) {
  static const Strings separators = {"; ", ";", ", ", " / ", "\t", "  "};
  const std::string& separator = random.pick(separators);
  Strings lines;
  for (const Strings& row : grid) lines.push_back(joined(row, separator));
  return joined(lines, "\n");
}

std::string columns_notation(const std::vector<Strings>& grid) {
  Strings lines;
  for (size_t c = 0; c < grid[0].size(); ++c) {
    Strings column;
    for (size_t r = 1; r < grid.size(); ++r) column.push_back(grid[r][c]);
    lines.push_back(grid[0][c] + ": " + joined(column, "; "));
  }
  return joined(lines, "\n");
}

std::string shuffled_notation(const std::vector<Strings>& grid, Random& random) {
  Strings lines;
  for (size_t r = 0; r < grid.size(); ++r) {
    lines.push_back("row " + std::to_string(r + 1) + ": " + joined(grid[r], "; "));
  }
  random.shuffle(lines);
  return joined(lines, "\n");
}

std::string cells_notation(const std::vector<Strings>& grid) {
  Strings lines;
  for (const Strings& row : grid) {
    for (const std::string& text : row) lines.push_back(text.empty() ? "-" : text);
    lines.emplace_back("");
  }
  lines.pop_back();
  return joined(lines, "\n");
}

std::string copying_document(Random& random) {
  const TableSpec table = corpus_table(random);
  const std::vector<Strings> grid = grid_of(table);
  const std::string markdown = to_markdown(table);
  switch (random.integer(0, 5)) {
    case 0:
    case 1:
      return rows_notation(grid, random) + "\n\n" + markdown;
    case 2:
      return columns_notation(grid) + "\n\n" + markdown;
    case 3:
      return shuffled_notation(grid, random) + "\n\n" + markdown;
    case 4:
      return cells_notation(grid) + "\n\n" + markdown;
    default:
      return markdown + "\n\n" + markdown;
  }
}

std::string question_document(Random& random) {
  const TableSpec table = corpus_table(random);
  const std::vector<Strings> grid = grid_of(table);
  std::string document = to_markdown(table) + "\n";
  const auto rows = static_cast<int64_t>(grid.size());
  const auto columns = static_cast<int64_t>(grid[0].size());
  for (int i = 0; i < 3; ++i) {
    const int64_t row = random.integer(rows > 1 ? 1 : 0, rows - 1);
    const int64_t column = random.integer(0, columns - 1);
    const std::string& value = grid[static_cast<size_t>(row)][static_cast<size_t>(column)];
    document += "\nQuestion: What is in row " + std::to_string(row + 1) + ", column " +
                std::to_string(column + 1) + "? Answer: " + (value.empty() ? "nothing" : value) +
                ".";
  }
  document += "\nThe table has " + std::to_string(rows) + (rows == 1 ? " row" : " rows") + " and " +
              std::to_string(columns) + (columns == 1 ? " column." : " columns.");
  return document;
}

std::string word(Random& random) { return random.pick(english_words()); }

std::string value_of(ColumnKind kind, Random& random) {
  TableDifficulty difficulty = medium();
  for (int attempt = 0; attempt < 200; ++attempt) {
    const ColumnFormat format = random_column(random, difficulty.max_line_characters);
    if (format.kind == kind) return column_value(format, difficulty, random).text;
  }
  return word(random);
}

/// Fills {w} word, {W} capitalised word, {n} integer, {d} decimal, {t} date, {y} year, {m} money,
/// {p} percent, {N} name, {x} invented word, {c} code, {h} heading.
std::string filled(const std::string& pattern, Random& random) {
  std::string text;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '{') {
      text += pattern[i];
      continue;
    }
    switch (pattern[i + 1]) {
      case 'w':
        text += word(random);
        break;
      case 'W':
        text += capitalised(word(random));
        break;
      case 'n':
        text += value_of(ColumnKind::kInteger, random);
        break;
      case 'd':
        text += value_of(ColumnKind::kDecimal, random);
        break;
      case 't':
        text += value_of(ColumnKind::kDate, random);
        break;
      case 'y':
        text += value_of(ColumnKind::kYear, random);
        break;
      case 'm':
        text += value_of(ColumnKind::kCurrency, random);
        break;
      case 'p':
        text += value_of(ColumnKind::kPercent, random);
        break;
      case 'N':
        text += random_name(random);
        break;
      case 'x':
        text += capitalised(pseudo_word(random, 3, 9));
        break;
      case 'c':
        text += random_code(random, 9);
        break;
      default:
        text += random.pick(heading_words());
    }
    i += 2;
  }
  return text;
}

std::string prose_document(Random& random) {
  static const Strings sentences = {"The {w} in {x} cost {m} in {y}.",
                                    "{N} sold {n} {w} units on {t}.",
                                    "The table shows the {w} of {x} by {w}.",
                                    "In {y}, the share of {w} rose to {p}.",
                                    "The column {h} holds a {w} for every {w}.",
                                    "The mean was {d}, and the sum was {n}.",
                                    "Between {y} and {y}, {x} grew by {p}.",
                                    "Item {c} was sent to {x} on {t}.",
                                    "{W} and {w} are listed under {h}.",
                                    "The first row is the header; the last row is the total.",
                                    "{N} wrote that the {w} was {w}.",
                                    "Of {n} samples, {n} were {w}.",
                                    "See {c} for the {w} of the {w}.",
                                    "The {w} {w} has a {h} of {d}.",
                                    "{x} is a {w} near {x}.",
                                    "Each cell holds a number, a date or a short text.",
                                    "An empty cell means that no {w} was measured.",
                                    "The price of {x} is {m}, or {p} less than in {y}.",
                                    "On {t} the {w} was moved from {x} to {x}.",
                                    "The {h} of {c} is {n}."};
  Strings text;
  const int64_t count = random.integer(2, 8);
  for (int64_t i = 0; i < count; ++i) text.push_back(filled(random.pick(sentences), random));
  return joined(text, " ");
}

std::string list_document(Random& random) {
  static const Strings patterns = {"{h}: {n}",  "{h}: {d}", "{h}: {x}", "{h}: {t}", "{h}: {m}",
                                   "{c} = {d}", "- {w}",    "- {x}",    "{N}: {p}", "{W}: {c}"};
  Strings lines;
  const int64_t count = random.integer(3, 9);
  const std::string& shared = random.pick(patterns);
  const bool alike = random.chance(0.5);
  for (int64_t i = 0; i < count; ++i) {
    lines.push_back(filled(alike ? shared : random.pick(patterns), random));
  }
  const std::string list = joined(lines, "\n");
  return random.chance(0.4) ? list + "\n\n" + list : list;
}

}  // namespace

std::string corpus_document(Random& random) {
  const double draw = random.uniform();
  if (draw < 0.20) return to_markdown(corpus_table(random));
  if (draw < 0.65) return copying_document(random);
  if (draw < 0.75) return question_document(random);
  if (draw < 0.90) return prose_document(random);
  return list_document(random);
}

}  // namespace nvlm::experiments
