// Synthetic tables: what stands in them and how the answers are written.
#include <doctest/doctest.h>

#include <sstream>

#include "common/error.h"
#include "experiments/data/charset.h"
#include "experiments/data/table_generator.h"
#include "experiments/data/text_corpus.h"
#include "experiments/data/utf8.h"
#include "experiments/data/vocabulary.h"

namespace nvlm::experiments {
namespace {

TableCell data_cell(int64_t row, int64_t column, std::string text, int64_t row_span = 1,
                    int64_t column_span = 1) {
  TableCell cell;
  cell.row = row, cell.column = column;
  cell.row_span = row_span, cell.column_span = column_span;
  cell.text = std::move(text);
  return cell;
}

/// 3 x 3: a heading over two columns, a tall label, a bar, an empty cell, a broken line.
TableSpec data_spanning_table() {
  TableSpec table;
  table.rows = 3, table.columns = 3;
  table.cells = {data_cell(0, 0, "a|b"),     data_cell(0, 1, "c < d", 1, 2),
                 data_cell(1, 0, "tall", 2), data_cell(1, 1, "5 µm"),
                 data_cell(1, 2, ""),        data_cell(2, 1, "two\nlines"),
                 data_cell(2, 2, "x")};
  return table;
}

/// The cells of a canonical Markdown line, with escapes undone.
std::vector<std::string> data_split_row(const std::string& line) {
  REQUIRE(line.rfind("| ", 0) == 0);
  std::vector<std::string> cells;
  std::string text;
  for (size_t i = 1; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size() && line[i + 1] == '|') {
      text += '|';
      ++i;
    } else if (line[i] == '|') {
      REQUIRE(text.size() >= 2);
      REQUIRE(text.front() == ' ');
      REQUIRE(text.back() == ' ');
      cells.push_back(text.substr(1, text.size() - 2));
      text.clear();
    } else {
      text += line[i];
    }
  }
  CHECK(text.empty());
  return cells;
}

const std::vector<std::string> kDataPresets = {"easy", "medium", "hard"};

}  // namespace

TEST_CASE("data: Markdown and HTML of a hand-made table with spans") {
  const TableSpec table = data_spanning_table();
  CHECK(to_markdown(table) ==
        "| a\\|b | c < d |  |\n"
        "| --- | --- | --- |\n"
        "| tall | 5 µm |  |\n"
        "|  | two lines | x |");
  CHECK(to_answer(table) ==
        "| a\\|b | c < d | << |\n"
        "| --- | --- | --- |\n"
        "| tall | 5 µm |  |\n"
        "| ^^ | two lines | x |");
  CHECK(to_html(table) ==
        "<table>\n"
        "<tr><td>a|b</td><td colspan=\"2\">c &lt; d</td></tr>\n"
        "<tr><td rowspan=\"2\">tall</td><td>5 µm</td><td></td></tr>\n"
        "<tr><td>two lines</td><td>x</td></tr>\n"
        "</table>");
  CHECK(table.has_spans());
}

TEST_CASE("data: offsets in the answer point at every character of the cells") {
  const TableSpec table = data_spanning_table();
  const std::u32string answer = code_points(to_answer(table));
  const auto offsets = answer_offsets(table);
  CHECK(offsets[0] == std::vector<int64_t>{2, 4, 5});  // the bar after its backslash
  for (size_t i = 0; i < table.cells.size(); ++i) {
    const std::u32string text = code_points(table.cells[i].text);
    REQUIRE(offsets[i].size() == text.size());
    for (size_t k = 0; k < text.size(); ++k) {
      const char32_t expected = text[k] == U'\n' ? U' ' : text[k];
      CHECK(answer[static_cast<size_t>(offsets[i][k])] == expected);
    }
  }
}

TEST_CASE("data: a table whose cells leave holes or overlap is refused") {
  TableSpec table = data_spanning_table();
  table.cells.pop_back();
  CHECK_THROWS_WITH_AS(to_markdown(table),
                       "data.table: row 2, column 2 is covered by 0 cells, expected 1",
                       std::invalid_argument);
  table.cells.push_back(data_cell(2, 1, "y", 1, 2));
  CHECK_THROWS_AS(to_html(table), std::invalid_argument);
  table.cells.back() = data_cell(2, 2, "y", 1, 2);
  CHECK_THROWS_WITH(to_html(table),
                    "data.table: the cell at row 2, column 2 does not fit into the grid");
}

TEST_CASE("data: generated tables keep their promises") {
  for (const std::string& name : kDataPresets) {
    CAPTURE(name);
    const TableDifficulty difficulty = difficulty_preset(name);
    int64_t texts = 0, invented = 0, spans = 0;
    for (uint64_t index = 0; index < 300; ++index) {
      CAPTURE(index);
      Random random(1, index);
      const TableSpec table = generate_table(random, difficulty);
      CHECK_NOTHROW(table.validate());
      CHECK(table.rows >= difficulty.min_rows);
      CHECK(table.rows <= difficulty.max_rows);
      CHECK(table.columns >= difficulty.min_columns);
      CHECK(table.columns <= difficulty.max_columns);
      spans += table.has_spans();
      std::vector<bool> row_seen(static_cast<size_t>(table.rows)),
          column_seen(static_cast<size_t>(table.columns));
      for (const TableCell& cell : table.cells) {
        CHECK(cell.text.empty() == (cell.content == CellContent::kEmpty));
        texts += cell.content == CellContent::kWords || cell.content == CellContent::kInvented;
        invented += cell.content == CellContent::kInvented;
        if (cell.text.empty()) continue;
        row_seen[static_cast<size_t>(cell.row)] = true;
        column_seen[static_cast<size_t>(cell.column)] = true;
        int64_t lines = 1, length = 0;
        char32_t previous = U' ';
        for (const char32_t c : code_points(cell.text)) {
          const bool blank = c == U' ' || c == U'\n';
          CHECK((blank || character_class(c) > 0));
          CHECK_FALSE((blank && (previous == U' ' || previous == U'\n')));
          lines += c == U'\n';
          length = c == U'\n' ? 0 : length + 1;
          CHECK(length <= difficulty.max_line_characters + 2);  // a footnote mark may come on top
          previous = c;
        }
        CHECK(previous != U' ');
        CHECK(previous != U'\\');
        CHECK(lines <= difficulty.max_lines);
      }
      // A row that a tall cell covers wholly is the one exception to visible rows.
      CHECK(std::count(column_seen.begin(), column_seen.end(), false) <= table.has_spans());
      if (!table.has_spans()) CHECK(std::count(row_seen.begin(), row_seen.end(), false) == 0);
    }
    CHECK(static_cast<double>(invented) >= 0.35 * static_cast<double>(texts));
    CHECK((spans > 0) == (name != "easy"));
  }
}

TEST_CASE("data: the Markdown of generated tables reads back as the table") {
  for (const std::string& name : kDataPresets) {
    for (uint64_t index = 0; index < 100; ++index) {
      CAPTURE(name);
      CAPTURE(index);
      Random random(2, index);
      const TableSpec table = generate_table(random, difficulty_preset(name));
      std::istringstream lines(to_markdown(table));
      std::vector<std::vector<std::string>> rows;
      for (std::string line; std::getline(lines, line);) rows.push_back(data_split_row(line));
      REQUIRE(static_cast<int64_t>(rows.size()) == table.rows + 1);
      CHECK(rows[1] == std::vector<std::string>(static_cast<size_t>(table.columns), "---"));
      rows.erase(rows.begin() + 1);
      for (const auto& row : rows) REQUIRE(static_cast<int64_t>(row.size()) == table.columns);
      for (const TableCell& cell : table.cells) {
        std::string expected = cell.text;
        std::replace(expected.begin(), expected.end(), '\n', ' ');
        std::string& found = rows[static_cast<size_t>(cell.row)][static_cast<size_t>(cell.column)];
        CHECK(found == expected);
        found.clear();
      }
      for (const auto& row : rows) {
        for (const std::string& rest : row) CHECK(rest.empty());  // covered positions
      }
    }
  }
}

TEST_CASE("data: seeds, streams and difficulties") {
  const auto markdown = [](uint64_t seed, uint64_t stream) {
    Random random(seed, stream);
    return to_markdown(generate_table(random, easy()));
  };
  CHECK(markdown(1, 5) == markdown(1, 5));
  CHECK(markdown(1, 5) != markdown(1, 6));
  CHECK(markdown(1, 5) != markdown(2, 5));
  CHECK_THROWS_AS(difficulty_preset("heavy"), UsageError);
  TableDifficulty wrong = easy();
  wrong.min_rows = 9;
  Random random(1);
  CHECK_THROWS_WITH(generate_table(random, wrong),
                    "data.difficulty: min_rows must be 1 .. max_rows");
}

TEST_CASE("data: a single cell is a table too") {
  TableDifficulty difficulty = easy();
  difficulty.min_rows = difficulty.max_rows = 1;
  difficulty.min_columns = difficulty.max_columns = 1;
  difficulty.max_line_characters = 1;
  for (uint64_t index = 0; index < 50; ++index) {
    Random random(3, index);
    const TableSpec table = generate_table(random, difficulty);
    CHECK(num_code_points(table.cells.at(0).text) == 1);
    CHECK(to_markdown(table).find("\n| --- |") != std::string::npos);
  }
}

TEST_CASE("data: the alphabet maps both ways") {
  CHECK(kNumClasses == 108);
  CHECK(character_class(U'!') == 1);
  CHECK(character_class(U'~') == 94);
  CHECK(character_class(U'€') == 95);
  CHECK(character_class(U' ') == 0);
  CHECK(character_class(U'ß') == 0);
  for (int64_t c = 1; c < kNumClasses; ++c) CHECK(character_class(class_character(c)) == c);
}

TEST_CASE("data: UTF-8") {
  CHECK(code_points("a€\xF0\x9F\x98\x80") == U"a€\U0001F600");
  CHECK(num_code_points("5 µm²") == 5);
  CHECK(to_utf8(U'€') == "€");
  CHECK(to_utf8(U'\U0001F600') == "\xF0\x9F\x98\x80");
  CHECK_THROWS_AS(code_points("a\x80"), std::invalid_argument);
  CHECK_THROWS_AS(code_points("\xE2\x82"), std::invalid_argument);
  CHECK_THROWS_AS(code_points("\xE2zz"), std::invalid_argument);
}

TEST_CASE("data: the vocabulary is large, lower case and without doubles") {
  std::vector<std::string> words = english_words();
  CHECK(words.size() >= 1400);
  for (const std::string& word : words) {
    CAPTURE(word);
    CHECK(word.find_first_not_of("abcdefghijklmnopqrstuvwxyz") == std::string::npos);
  }
  std::sort(words.begin(), words.end());
  CHECK(std::adjacent_find(words.begin(), words.end()) == words.end());
}

TEST_CASE("data: corpus documents are mostly tables, of known characters, and repeat by seed") {
  int64_t tables = 0;
  for (uint64_t index = 0; index < 400; ++index) {
    CAPTURE(index);
    Random random(4, index), again(4, index);
    const std::string document = corpus_document(random);
    CHECK(document == corpus_document(again));
    CHECK_FALSE(document.empty());
    tables += document.find("\n| --- |") != std::string::npos;
    for (const char32_t c : code_points(document)) {
      CHECK((c == U' ' || c == U'\n' || c == U'\t' || character_class(c) > 0));
    }
  }
  CHECK(tables > 260);
  CHECK(tables < 340);
}

}  // namespace nvlm::experiments
