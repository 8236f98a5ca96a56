#include <doctest/doctest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/random.h"
#include "eval/table/html_document.h"
#include "eval/table/html_parser.h"
#include "eval/table/html_writer.h"
#include "tests/eval/tables.h"

namespace nvlm::eval {
namespace {

using Texts = std::vector<std::string>;

Table html_table(const std::string& html) {
  const std::optional<Table> table = parse_html_table(html);
  REQUIRE(table.has_value());
  REQUIRE_NOTHROW(table->validate());
  return *table;
}

std::string repeated(const std::string& text, int count) {
  std::string result;
  for (int i = 0; i < count; ++i) result += text;
  return result;
}

}  // namespace

TEST_CASE("HTML parser: text, entities, inline tags, headers") {
  const Table table = html_table(
      "<p>before</p><TABLE class='a'><thead><tr><td>  a <b>b</b>\n c</td><th>&lt;&#65;&#x42;&amp;"
      "</th></tr></thead><tr><td>x<br/>y<td>1 < 2 &unknown; & &#xD800;</tr></table>");
  CHECK(grid_texts(table) == Texts{"a b c", "<AB&", "x\ny", "1 < 2 &unknown; & \ufffd"});
  CHECK(table.cells[0].is_header);
  CHECK(table.cells[1].is_header);
  CHECK(!table.cells[2].is_header);
  CHECK(html_table("<table><tr><td>a<div>b</div>c</td></tr></table>").cells[0].text == "a\nb\nc");
  CHECK(html_table("<table><tr><td>a<script>x</td></script>b</table>").cells[0].text == "ab");
  CHECK(html_table("<table><tr><td><!-- <td> -->a</table>").cells.size() == 1);
}

TEST_CASE("HTML parser: what is left open is closed where the next begins") {
  const Texts expected{"a", "b", "c", "d"};
  for (const char* html :
       {"<table><tr><td>a<td>b<tr><td>c<td>d</table>", "<table><tr><td>a<td>b<tr><td>c<td>d",
        "<table><td>a<td>b<tr><td>c<td>d</table>",
        "<table><thead><tr><th>a<th>b<tbody><tr><td>c<td>d</table>",
        "<table><tr><td><b>a</td><td>b</td></b></tr></p><tr><td><p>c<p></td><td>d</table>",
        "<table><caption>t<tr><td>a<td>b</tr><tr><td>c</td></td><td>d</td></tr></table>"}) {
    CAPTURE(html);
    CHECK(grid_texts(html_table(html)) == expected);
  }
  CHECK(!parse_html_table(""));
  CHECK(!parse_html_table("<table></table>"));
  CHECK(!parse_html_table("no table"));
  CHECK(!parse_html_table("<table"));
  CHECK(html_table("<table><tr><td/><td>b</td></tr></table>").num_columns == 2);
}

TEST_CASE("HTML parser: spans make the grid of the HTML standard") {
  const Table table = html_table(
      "<table><tr><td rowspan=2>a<td colspan='2'>b<tr><td>c<td rowspan=\"9\">d<tr><td>e</table>");
  CHECK(table.num_rows == 3);
  CHECK(table.num_columns == 3);
  CHECK(grid_texts(table) == Texts{"a", "b", "", "", "c", "d", "e", "", ""});
  CHECK(table.cells[3].row_span == 2);  // 9, but the table ends
  CHECK(table.cells[4].column == 0);

  const Table cut = html_table(
      "<table><tr><td>a<td rowspan=2>b<tr><td colspan=2>c<td>d</table>");  // c would overlap b
  CHECK(cut.cells[2].column_span == 1);
  CHECK(cut.cells[3].column == 2);
  const Table odd =
      html_table("<table><tr><td rowspan=0 colspan=0>a<td colspan=x>b<tr><td>c<tr></table>");
  CHECK(odd.cells[0].row_span == 3);
  CHECK(odd.cells[0].column_span == 1);
  CHECK(odd.num_columns == 2);
}

TEST_CASE("HTML parser: a table within a cell stays within it") {
  const Table table = html_table(
      "<table><tr><td>a<table><tr><td>x<td>y</tr></table></td><td>b</table><table><tr><td>no");
  CHECK(grid_texts(table) == Texts{"a\nx\ny", "b"});
}

TEST_CASE("HTML: parser after writer gives the same table") {
  Random random(41);
  for (int trial = 0; trial < 200; ++trial) {
    CAPTURE(trial);
    const Table table = test::random_spans(random, random.integer(1, 6), random.integer(1, 6));
    const std::string html = write_html(table);
    CAPTURE(html);
    const Table again = html_table(html);
    CHECK(again.num_rows == table.num_rows);
    CHECK(again.num_columns == table.num_columns);
    REQUIRE(again.cells.size() == table.cells.size());
    for (size_t i = 0; i < table.cells.size(); ++i) {
      CHECK(again.cells[i].text == table.cells[i].text);
      CHECK(again.cells[i].column == table.cells[i].column);
      CHECK(again.cells[i].row_span == table.cells[i].row_span);
      CHECK(again.cells[i].column_span == table.cells[i].column_span);
    }
    CHECK(write_html(again) == html);
  }
  Table header{1, 1, {}};
  header.cells.push_back({"a", 0, 0, 1, 1, true});
  CHECK(write_html(header, HtmlHeader::kAsTh) == "<table>\n<tr><th>a</th></tr>\n</table>");
}

TEST_CASE("HTML bombs end with a clear error, at once") {
  const auto start = std::chrono::steady_clock::now();
  const int n = 1'000'000;
  for (const char* tag : {"<div>", "<table>", "<table><tr><td>", "<b>"}) {
    CAPTURE(tag);
    CHECK_THROWS_WITH_AS(parse_html_table("<table><tr><td>" + repeated(tag, n)),
                         doctest::Contains("nested deeper than 256"), std::runtime_error);
  }
  CHECK_THROWS_WITH_AS(parse_html_table("<table>" + repeated("<tr><td>", n)),
                       doctest::Contains("more than 1000000"), std::runtime_error);
  CHECK_THROWS_WITH_AS(
      parse_html_table("<table>" + repeated("<tr>", 5000) + repeated("<td colspan=1000>", 5000)),
      doctest::Contains("positions"), std::runtime_error);
  // These have no depth; they must only stay linear.
  CHECK(!parse_html_table(repeated("<!--", n)));
  CHECK(!parse_html_table(repeated("</b>", n)));
  CHECK(!parse_html_table(repeated("<", n)));
  CHECK(!parse_html_table(repeated("&", n)));
  CHECK(!parse_html_table(repeated("<script>", n)));
  CHECK(!parse_html_table("<a " + repeated("b=\"", n)));
  CHECK_NOTHROW(parse_html("<a " + repeated("b ", n) + ">"));
  CHECK_THROWS_AS(parse_html(std::string(static_cast<size_t>(kMaxHtmlBytes) + 1, 'x')),
                  std::runtime_error);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  MESSAGE("HTML bombs: ", seconds.count(), " s");
}

TEST_CASE("HTML parser: any bytes are safe") {
  Random random(43);
  for (int trial = 0; trial < 1000; ++trial) {
    std::string html;
    for (int64_t i = random.integer(0, 40); i > 0; --i) {
      html += random.pick<std::string>({"<table>",
                                        "<tr>",
                                        "<td>",
                                        "<th>",
                                        "</td>",
                                        "</tr>",
                                        "</table>",
                                        "<td rowspan=3>",
                                        "<td colspan=2>",
                                        "<thead>",
                                        "</thead>",
                                        "<tbody>",
                                        "<p>",
                                        "<b>",
                                        "</b>",
                                        "a",
                                        "<",
                                        ">",
                                        "&",
                                        "&amp;",
                                        "<!--",
                                        "-->",
                                        "\xff",
                                        "'",
                                        "\"",
                                        "=",
                                        "<caption>",
                                        "<br>",
                                        "</p>"});
    }
    CAPTURE(html);
    const std::optional<Table> table = parse_html_table(html);
    if (table) CHECK_NOTHROW(table->validate());
  }
}

}  // namespace nvlm::eval
