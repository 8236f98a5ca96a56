// Formats that `extract` writes: escaping, spans, headers, and what comes back when read again.
#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "common/error.h"
#include "common/random.h"
#include "eval/extraction/table_format.h"
#include "eval/table/canonical.h"
#include "eval/table/csv_writer.h"
#include "eval/table/gfm_parser.h"
#include "eval/table/gfm_writer.h"
#include "eval/table/html_parser.h"
#include "eval/table/html_writer.h"
#include "eval/table/span_policy.h"
#include "eval/table/table_json.h"
#include "tests/eval/tables.h"

namespace nvlm::eval {
namespace {

using FormatTexts = std::vector<std::string>;

/// Title over two columns, two header rows, a label that covers two body rows:
///   | Year (2 rows) | Harvest      |
///   |               | oats | rye   |
///   | 1901 (2 rows) | 3    | 4     |
///   |               | 5    | 6     |
Table two_header_rows() {
  Table table{4, 3, {}};
  table.cells.push_back({"Year", 0, 0, 2, 1, true});
  table.cells.push_back({"Harvest", 0, 1, 1, 2, true, 0.5});
  table.cells.push_back({"oats", 1, 1, 1, 1, true, 0.75});
  table.cells.push_back({"rye", 1, 2, 1, 1, true, 0.25});
  table.cells.push_back({"1901", 2, 0, 2, 1, false});
  table.cells.push_back({"3", 2, 1});
  table.cells.push_back({"4", 2, 2});
  table.cells.push_back({"5", 3, 1});
  table.cells.push_back({"6", 3, 2});
  return table;
}

/// Records and fields of an RFC 4180 text.
std::vector<FormatTexts> read_csv(const std::string& text) {
  std::vector<FormatTexts> records(1, FormatTexts(1));
  bool quoted = false;
  for (size_t at = 0; at < text.size(); ++at) {
    std::string& field = records.back().back();
    if (quoted) {
      if (text[at] != '"') {
        field += text[at];
      } else if (at + 1 < text.size() && text[at + 1] == '"') {
        field += text[++at];
      } else {
        quoted = false;
      }
    } else if (text[at] == '"') {
      quoted = true;
    } else if (text[at] == ',') {
      records.back().emplace_back();
    } else if (text.compare(at, 2, "\r\n") == 0) {
      ++at;
      records.emplace_back(1);
    } else {
      field += text[at];
    }
  }
  records.pop_back();  // what follows the last line end
  return records;
}

}  // namespace

TEST_CASE("escaped Markdown: what would be markup gets a backslash, and nothing else") {
  const auto escaped = [](const char* text) { return write_gfm_text(text, GfmText::kEscaped); };
  CHECK(escaped("a|b") == "a\\|b");
  CHECK(escaped("a\nb\r\nc") == "a<br>b<br>c");
  CHECK(escaped("p < 0.05 & x > 1") == "p < 0.05 & x > 1");
  CHECK(escaped("R&D") == "R&D");
  CHECK(escaped("<b>x</b>") == "\\<b>x\\</b>");
  CHECK(escaped("<br>") == "\\<br>");
  CHECK(escaped("&amp; &#65; &nosuch;") == "\\&amp; \\&#65; &nosuch;");
  CHECK(escaped("12* a_b _c_") == "12\\* a_b \\_c\\_");
  CHECK(escaped("~5 ~~x~~") == "~5 \\~\\~x\\~\\~");
  CHECK(escaped("[a](b)") == "[a\\](b)");
  CHECK(escaped("C:\\dir \\| \\") == "C:\\dir \\\\\\| \\");
  CHECK(write_gfm_text("<b>|", GfmText::kLiteral) == "<b>\\|");
}

TEST_CASE("escaped Markdown is read back as the same texts") {
  Random random(41);
  for (int trial = 0; trial < 400; ++trial) {
    CAPTURE(trial);
    Table table = test::random_grid(random, random.integer(1, 5), random.integer(1, 5));
    for (TableCell& cell : table.cells) {
      if (random.chance(0.3)) {
        cell.text +=
            random.pick<std::string>({"<br>", "<i>", "&lt;", "\\", "\\<", "_", "~~", "]("});
      }
      if (random.chance(0.2)) cell.text += "\nz";
    }
    table = canonical_table(table);
    for (TableCell& cell : table.cells) {
      if (random.chance(0.2)) cell.text = "y\n" + cell.text;  // canonical texts have no line break
    }
    const std::string text = write_gfm(table, GfmText::kEscaped);
    CAPTURE(text);
    const auto parsed = parse_gfm_table(text, GfmText::kEscaped);
    REQUIRE(parsed.has_value());
    CHECK_FALSE(parsed->is_ragged());
    CHECK(grid_texts(parsed->table) == grid_texts(table));
  }
}

TEST_CASE("a model's own line breaks and markup survive reading and writing") {
  const auto table = parse_gfm_table("| a<br>b | c |\n| --- | --- |\n| <i>x</i> | 1 |");
  REQUIRE(table.has_value());
  CHECK(write_gfm(table->table, GfmText::kEscaped) ==
        "| a<br>b | c |\n| --- | --- |\n| \\<i>x\\</i> | 1 |");
  CHECK(write_html(table->table) ==
        "<table>\n<tr><td>a<br>b</td><td>c</td></tr>\n"
        "<tr><td>&lt;i&gt;x&lt;/i&gt;</td><td>1</td></tr>\n</table>");
}

TEST_CASE("HTML keeps spans, and its texts are read back") {
  Random random(43);
  for (int trial = 0; trial < 200; ++trial) {
    CAPTURE(trial);
    const Table table =
        canonical_table(test::random_spans(random, random.integer(1, 5), random.integer(1, 5)));
    const auto parsed = parse_html_table(format_table(table, {.format = TableFormat::kHtml}));
    REQUIRE(parsed.has_value());
    REQUIRE(parsed->cells.size() == table.cells.size());
    for (size_t i = 0; i < table.cells.size(); ++i) {
      CHECK(parsed->cells[i].text == table.cells[i].text);
      CHECK(parsed->cells[i].row == table.cells[i].row);
      CHECK(parsed->cells[i].column_span == table.cells[i].column_span);
    }
  }
}

TEST_CASE("CSV: quotes, commas, line breaks, and a lonely blank") {
  Table table{2, 2, {}};
  table.cells.push_back({"a,b", 0, 0});
  table.cells.push_back({"say \"x\"", 0, 1});
  table.cells.push_back({"1\n2", 1, 0});
  CHECK(write_csv(table) == "\"a,b\",\"say \"\"x\"\"\"\r\n\"1\n2\",\r\n");
  Table column{2, 1, {}};
  column.cells.push_back({"x", 0, 0});
  CHECK(write_csv(column) == "x\r\n\"\"\r\n");
  CHECK_THROWS_AS(write_csv(Table{}), std::invalid_argument);
}

TEST_CASE("CSV is read back as the same texts") {
  Random random(47);
  for (int trial = 0; trial < 200; ++trial) {
    Table table = test::random_grid(random, random.integer(1, 5), random.integer(1, 5));
    for (TableCell& cell : table.cells) {
      cell.text += random.pick<std::string>({"", ",", "\"", "\n", "\r\n", "\"\"", ",\""});
    }
    const auto records = read_csv(write_csv(table));
    REQUIRE(records.size() == static_cast<size_t>(table.num_rows));
    FormatTexts texts;
    for (const FormatTexts& record : records) {
      REQUIRE(record.size() == static_cast<size_t>(table.num_columns));
      texts.insert(texts.end(), record.begin(), record.end());
    }
    CHECK(texts == grid_texts(table));
  }
}

TEST_CASE("JSON loses nothing") {
  Random random(53);
  for (int trial = 0; trial < 200; ++trial) {
    Table table = test::random_spans(random, random.integer(1, 6), random.integer(1, 6));
    for (TableCell& cell : table.cells) {
      cell.is_header = random.chance(0.3);
      if (random.chance(0.5)) cell.probability = random.uniform();
      if (random.chance(0.5)) {
        cell.box = PixelBox{random.integer(0, 9), random.integer(0, 9), random.integer(10, 99),
                            random.integer(10, 99)};
      }
      if (random.chance(0.2)) cell.text += "\n\t\"\\";
    }
    const std::string text = format_table(table, {.format = TableFormat::kJson});
    const Table back = table_from_json(parse_json(text, "test"), "test");
    CHECK(back.num_rows == table.num_rows);
    CHECK(back.num_columns == table.num_columns);
    REQUIRE(back.cells.size() == table.cells.size());
    for (size_t i = 0; i < table.cells.size(); ++i) {
      const TableCell& expected = table.cells[i];
      const TableCell& actual = back.cells[i];
      CHECK(actual.text == expected.text);
      CHECK(actual.row == expected.row);
      CHECK(actual.column == expected.column);
      CHECK(actual.row_span == expected.row_span);
      CHECK(actual.column_span == expected.column_span);
      CHECK(actual.is_header == expected.is_header);
      CHECK(actual.probability == expected.probability);
      REQUIRE(actual.box.has_value() == expected.box.has_value());
      if (actual.box) CHECK(box_to_json(*actual.box) == box_to_json(*expected.box));
    }
  }
}

TEST_CASE("JSON that is no table is refused by name") {
  const Json good = table_to_json(two_header_rows());
  const auto refused = [&](const Json& value, const char* words) {
    CAPTURE(words);
    try {
      table_from_json(value, "t.json");
      FAIL("accepted");
    } catch (const std::exception& error) {
      CHECK(std::string(error.what()).find(words) != std::string::npos);
    }
  };
  refused(Json::array(), "t.json");
  Json bad = good;
  bad.erase("columns");
  refused(bad, "'columns' is missing");
  bad = good;
  bad["cells"] = 3;
  refused(bad, "'cells' is no list");
  bad = good;
  bad["cells"][1]["probability"] = 1.5;
  refused(bad, "cell 1: 'probability' is 1.5");
  bad = good;
  bad["cells"][1]["box"] = {1, 2};
  refused(bad, "'box' has 2 numbers");
  bad = good;
  bad["cells"][1]["column_span"] = 9;
  refused(bad, "leaves the grid");
  bad = good;
  bad["rows"] = 1e6;
  refused(bad, "'rows' is");
}

TEST_CASE("span policies, by hand") {
  const Table table = two_header_rows();
  CHECK(grid_texts(without_spans(table, SpanPolicy::kRepeat)) ==
        FormatTexts{"Year", "Harvest", "Harvest", "Year", "oats", "rye", "1901", "3", "4", "1901",
                    "5", "6"});
  CHECK(grid_texts(without_spans(table, SpanPolicy::kBlank)) ==
        FormatTexts{"Year", "Harvest", "", "", "oats", "rye", "1901", "3", "4", "", "5", "6"});
  CHECK_THROWS_AS(without_spans(table, SpanPolicy::kError), std::runtime_error);
  CHECK_NOTHROW(without_spans(flattened(table), SpanPolicy::kError));
  CHECK(without_spans(table, SpanPolicy::kRepeat).cells[2].probability == 0.5);

  CHECK(format_table(table, {.spans = SpanPolicy::kRepeat}).starts_with("| Year | Harvest | Harv"));
  CHECK(format_table(table, {.spans = SpanPolicy::kHtml})
            .starts_with("<table>\n<tr><th rowspan=\"2\">Year</th><th colspan=\"2\">Harvest</th>"));
  CHECK(format_table(flattened(table), {.spans = SpanPolicy::kHtml}).starts_with("| Year |"));
  CHECK(format_table(table, {.format = TableFormat::kCsv, .spans = SpanPolicy::kBlank}) ==
        "Year,Harvest,\r\n,oats,rye\r\n1901,3,4\r\n,5,6\r\n");
  CHECK_THROWS_AS(format_table(table, {.spans = SpanPolicy::kError}), std::runtime_error);
  CHECK_NOTHROW(format_table(table, {.format = TableFormat::kJson, .spans = SpanPolicy::kError}));
}

TEST_CASE("header rows are joined per column, spans respected") {
  const Table table = two_header_rows();
  CHECK(num_header_rows(table) == 2);
  const Table joined = join_header_rows(table);
  REQUIRE_NOTHROW(joined.validate());
  CHECK(grid_texts(joined) ==
        FormatTexts{"Year", "Harvest / oats", "Harvest / rye", "1901", "3", "4", "", "5", "6"});
  CHECK(joined.cells[1].probability == 0.5);  // the less sure of the two
  CHECK(joined.cells[2].probability == 0.25);
  CHECK(joined.cells[3].row_span == 2);
  CHECK(format_table(table, {.spans = SpanPolicy::kRepeat, .header = HeaderPolicy::kJoin}) ==
        "| Year | Harvest / oats | Harvest / rye |\n| --- | --- | --- |\n| 1901 | 3 | 4 |\n"
        "| 1901 | 5 | 6 |\n");
  CHECK(grid_texts(join_header_rows(joined)) == grid_texts(joined));  // one header row: as it is
}

TEST_CASE("names of formats and policies") {
  for (const TableFormat format :
       {TableFormat::kMarkdown, TableFormat::kHtml, TableFormat::kCsv, TableFormat::kJson}) {
    CHECK(parse_table_format(name(format)) == format);
  }
  CHECK_THROWS_AS(parse_table_format("markdwn"), UsageError);
  CHECK(parse_span_policy("blank") == SpanPolicy::kBlank);
  CHECK_THROWS_WITH_AS(parse_span_policy("repeet"),
                       "--spans is 'repeet', expected repeat, blank, html or error; did you mean "
                       "'repeat'?",
                       UsageError);
  CHECK(parse_header_policy("join") == HeaderPolicy::kJoin);
  CHECK_THROWS_AS(parse_header_policy("both"), UsageError);
}

}  // namespace nvlm::eval
