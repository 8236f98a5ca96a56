#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "common/random.h"
#include "eval/table/canonical.h"
#include "eval/table/gfm_parser.h"
#include "eval/table/gfm_writer.h"
#include "tests/eval/tables.h"

namespace nvlm::eval {
namespace {

using Texts = std::vector<std::string>;

Texts texts_of(const std::string& markdown) {
  const std::optional<GfmTable> parsed = parse_gfm_table(markdown);
  REQUIRE(parsed.has_value());
  REQUIRE_NOTHROW(parsed->table.validate());
  return grid_texts(parsed->table);
}

TEST_CASE("a malformed table is repaired for display, and only there") {
  const std::string text = "|  | b | c |\n| --- | --- |\n| 1 | 2 |\nno row\n| x |";
  CHECK_FALSE(parse_gfm_table(text).has_value());
  const auto repaired = repair_gfm_table(text);
  REQUIRE(repaired.has_value());
  CHECK(repaired->table.num_rows == 3);
  CHECK(repaired->table.num_columns == 3);
  CHECK(repaired->padded_rows == 2);
  CHECK(parse_gfm_table(write_gfm(repaired->table)).has_value());
  CHECK_FALSE(repair_gfm_table("no table at all").has_value());
}

}  // namespace

TEST_CASE("GFM parser: pipes, escapes and blanks") {
  CHECK(texts_of("| a | b |\n| --- | --- |\n| 1 |  |") == Texts{"a", "b", "1", ""});
  CHECK(texts_of("a | b\n-|:-:\n1 | 2\n") == Texts{"a", "b", "1", "2"});
  CHECK(texts_of("| a\\|b |\r\n|---|\r\n| `\\|` |\r\n") == Texts{"a|b", "`|`"});
  CHECK(texts_of("|| x ||\n|-|-|-|") == Texts{"", "x", ""});
  CHECK(texts_of("| a \\\\| |\n|---|\n") == Texts{"a \\|"});
  CHECK(texts_of("| a<br>b | c<BR />d |\n|---|---|") == Texts{"a\nb", "c\nd"});
  CHECK(texts_of("|a|b|\n|-|-|\n|") == Texts{"a", "b", "", ""});
}

TEST_CASE("GFM parser: ragged rows are padded and cut, and counted") {
  const auto parsed = parse_gfm_table("| a | b |\n|---|---|\n| 1 |\n| 1 | 2 | 3 |\nbare\n");
  REQUIRE(parsed.has_value());
  CHECK(grid_texts(parsed->table) == Texts{"a", "b", "1", "", "1", "2", "bare", ""});
  CHECK(parsed->padded_rows == 2);
  CHECK(parsed->cut_rows == 1);
  CHECK(parsed->table.cells[1].is_header);
  CHECK(!parsed->table.cells[2].is_header);
}

TEST_CASE("GFM parser: what is a table and where it ends") {
  CHECK(!parse_gfm_table(""));
  CHECK(!parse_gfm_table("| a | b |"));
  CHECK(!parse_gfm_table("| a | b |\n|---|"));  // not as many delimiters
  CHECK(!parse_gfm_table("| a |\n| -x- |"));    // no delimiter row
  CHECK(!parse_gfm_table("a\n---"));            // a heading
  CHECK(!parse_gfm_table("\n|---|\n| a |"));    // no header row
  CHECK(texts_of("Here it is:\n\n```markdown\n| a |\n|---|\n| 1 |\n```\n| z |") == Texts{"a", "1"});
  CHECK(texts_of("| a |\n|---|\n| 1 |\n\n| 2 |") == Texts{"a", "1"});
  for (const char* end : {"> quote", "# title", "- item", "1. item", "***", "<div>", "~~~"}) {
    CAPTURE(end);
    CHECK(texts_of(std::string("| a |\n|---|\n| 1 |\n") + end + "\n| 2 |") == Texts{"a", "1"});
  }
  CHECK(texts_of("| a |\n|---|\n-5\n#1\n**x**\n") == Texts{"a", "-5", "#1", "**x**"});
  CHECK(texts_of("|a|\n|-|\n|b|\n\n|c|\n|-|") == Texts{"a", "b"});  // the first of two
}

TEST_CASE("GFM parser: refuses a table that grows beyond all bounds") {
  std::string text = "|";
  std::string delimiters = "|";
  for (int i = 0; i < 2000; ++i) text += "a|", delimiters += "-|";
  text += "\n" + delimiters + "\n";
  for (int i = 0; i < 2000; ++i) text += "|\n";
  CHECK_THROWS_AS(parse_gfm_table(text), std::runtime_error);
}

TEST_CASE("GFM writer: canonical layout, spans flattened") {
  Table table{2, 2, {}};
  table.cells.push_back({"a|b", 0, 0, 1, 2, true});
  table.cells.push_back({"x\ny", 1, 0, 1, 1, false});
  CHECK(write_gfm(table) == "| a\\|b |  |\n| --- | --- |\n| x<br>y |  |");
  CHECK_THROWS_AS(write_gfm(Table{}), std::invalid_argument);
}

TEST_CASE("GFM: parser after writer gives the same table, writer after parser the same text") {
  Random random(31);
  for (int trial = 0; trial < 300; ++trial) {
    CAPTURE(trial);
    const Table table =
        canonical_table(test::random_grid(random, random.integer(1, 6), random.integer(1, 6)));
    const std::string text = write_gfm(table);
    CAPTURE(text);
    const auto parsed = parse_gfm_table(text);
    REQUIRE(parsed.has_value());
    CHECK(!parsed->is_ragged());
    CHECK(parsed->table.num_rows == table.num_rows);
    CHECK(parsed->table.num_columns == table.num_columns);
    CHECK(grid_texts(parsed->table) == grid_texts(table));
    CHECK(write_gfm(parsed->table) == text);
  }
}

TEST_CASE("GFM: any bytes give a well-formed table, and parsing any bytes is safe") {
  Random random(37);
  for (int trial = 0; trial < 500; ++trial) {
    std::string bytes;
    for (int64_t i = random.integer(0, 80); i > 0; --i) {
      bytes += random.pick<std::string>({"|", "-", ":", "\n", "\r", "\\", " ", "a", "\t", "<br>",
                                         "\xff", std::string(1, '\0'), "```"});
    }
    CAPTURE(bytes);
    if (const auto parsed = parse_gfm_table(bytes)) CHECK_NOTHROW(parsed->table.validate());
    Table table{1, 2, {}};
    table.cells.push_back({bytes, 0, 0, 1, 1, false});
    const auto again = parse_gfm_table(write_gfm(table));
    REQUIRE(again.has_value());
    CHECK(again->table.num_columns == 2);
    CHECK(!again->is_ragged());
  }
}

TEST_CASE("canonical text: blanks, invisible and bad bytes") {
  CHECK(canonical_cell_text("  a \n\t b\u00a0\u00a0c ") == "a b c");
  CHECK(canonical_cell_text("so\u00adft\u200b\ufeff") == "soft");
  CHECK(canonical_cell_text("a\xff") == "a\ufffd");
  CHECK(canonical_cell_text("É") == "É");
  CHECK(kCanonicalTextVersion == 1);
}

TEST_CASE("table: validate names what is wrong") {
  Table table{2, 2, {}};
  table.cells.push_back({"a", 0, 0, 2, 1, false});
  CHECK_NOTHROW(table.validate());
  table.cells.push_back({"b", 1, 0, 1, 1, false});
  CHECK_THROWS_WITH_AS(table.validate(), doctest::Contains("overlaps"), std::invalid_argument);
  table.cells[1] = {"b", 1, 1, 1, 2, false};
  CHECK_THROWS_WITH_AS(table.validate(), doctest::Contains("leaves the grid"),
                       std::invalid_argument);
  const Table huge{1'000'000'000'000, 1'000'000'000'000, {}};
  CHECK_THROWS_AS(huge.validate(), std::invalid_argument);
}

}  // namespace nvlm::eval
