#include <doctest/doctest.h>

#include <string>

#include "common/random.h"
#include "eval/table/canonical.h"
#include "eval/table/gfm_parser.h"
#include "eval/table/gfm_writer.h"
#include "eval/table/html_parser.h"
#include "eval/table/html_writer.h"
#include "eval/table/merge_marks.h"
#include "tests/eval/tables.h"

namespace nvlm::eval {
namespace {

Table parsed(const std::string& markdown) {
  const std::optional<GfmTable> gfm = parse_gfm_table(markdown);
  REQUIRE(gfm.has_value());
  return gfm->table;
}

/// The HTML of a marked table, whose merged form must be a table.
std::string merged(const std::string& markdown) {
  const Table table = merge_marked_cells(parsed(markdown));
  REQUIRE_NOTHROW(table.validate());
  return write_html(table);
}

}  // namespace

TEST_CASE("marks: what is written is merged again, for any table") {
  Random random(71);
  int64_t with_spans = 0;
  for (int i = 0; i < 300; ++i) {
    const Table table =
        canonical_table(test::random_spans(random, random.integer(1, 8), random.integer(1, 8)));
    const std::string markdown = write_marked_gfm(table);
    const Table back = merge_marked_cells(parsed(markdown));
    CHECK(write_html(back) == write_html(table));
    if (table.has_spans()) CHECK(markdown != write_gfm(table));
    with_spans += table.has_spans() ? 1 : 0;
  }
  CHECK(with_spans > 100);
}

TEST_CASE("marks: cells grow to the right and down") {
  CHECK(write_marked_gfm(parsed("| a | b |\n| --- | --- |\n|  | d |")) ==
        "| a | b |\n| --- | --- |\n|  | d |");
  CHECK(merged("| a | << | b |\n| --- | --- | --- |\n| ^^ | ^^ | c |\n| d | e | << |") ==
        "<table>\n"
        "<tr><td rowspan=\"2\" colspan=\"2\">a</td><td>b</td></tr>\n"
        "<tr><td>c</td></tr>\n"
        "<tr><td>d</td><td colspan=\"2\">e</td></tr>\n"
        "</table>");
}

TEST_CASE("marks: one that has no cell, or leaves no rectangle, is blank") {
  CHECK(merged("| << | ^^ |\n| --- | --- |\n| 1 | 2 |") ==
        "<table>\n<tr><td></td><td></td></tr>\n<tr><td>1</td><td>2</td></tr>\n</table>");
  // Half of a wide cell cannot go on below.
  CHECK(merged("| a | << |\n| --- | --- |\n| ^^ | x |") ==
        "<table>\n<tr><td colspan=\"2\">a</td></tr>\n<tr><td></td><td>x</td></tr>\n</table>");
  // A mark behind a backslash, or within a text, is text.
  CHECK(
      merged("| a | \\<< |\n| --- | --- |\n| \\\\^^ | b |") ==
      "<table>\n<tr><td>a</td><td>&lt;&lt;</td></tr>\n<tr><td>\\^^</td><td>b</td></tr>\n</table>");
  CHECK(merged("| a << b | ^ |\n| --- | --- |\n| <<< | ^^x |") ==
        "<table>\n<tr><td>a &lt;&lt; b</td><td>^</td></tr>\n"
        "<tr><td>&lt;&lt;&lt;</td><td>^^x</td></tr>\n</table>");
}

TEST_CASE("marks: random ones never give anything but a table") {
  Random random(72);
  for (int i = 0; i < 300; ++i) {
    const int64_t rows = random.integer(1, 6), columns = random.integer(1, 6);
    Table table{rows, columns, {}};
    for (int64_t at = 0; at < rows * columns; ++at) {
      const double draw = random.uniform();
      TableCell cell;
      cell.text = draw < 0.35 ? kMergedLeft : draw < 0.7 ? kMergedUp : std::string_view("x");
      cell.row = at / columns;
      cell.column = at % columns;
      table.cells.push_back(cell);
    }
    const Table merged = merge_marked_cells(table);
    REQUIRE_NOTHROW(merged.validate());
    int64_t covered = 0;
    for (const TableCell& cell : merged.cells) {
      covered += cell.row_span * cell.column_span;
      CHECK_FALSE((cell.text == kMergedLeft || cell.text == kMergedUp));
    }
    CHECK(covered == rows * columns);
  }
}

TEST_CASE("marks: an answer is scored as HTML where it merges cells, else as it stands") {
  const std::string plain = "Here:\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\nDone.";
  CHECK(answer_with_spans(plain) == plain);
  CHECK(answer_with_spans("no table") == "no table");
  const std::string ragged = "| a | << |\n| --- | --- |\n| 1 |";
  CHECK(answer_with_spans(ragged) == ragged);
  const auto table = parse_html_table(answer_with_spans("| a | << |\n| --- | --- |\n| 1 | 2 |"));
  REQUIRE(table.has_value());
  CHECK(table->cells[0].column_span == 2);
}

}  // namespace nvlm::eval
