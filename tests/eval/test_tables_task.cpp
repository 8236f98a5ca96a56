#include <doctest/doctest.h>

#include <map>
#include <stdexcept>
#include <string>

#include "eval/table/otsl_parser.h"
#include "eval/tasks/table_scores.h"
#include "eval/tasks/tables_task.h"
#include "tests/eval/task_folder.h"

namespace nvlm::eval {

TEST_CASE("tables task: reads the folder; the truth format chooses the ground truth") {
  const test::TaskFolder folder;
  const TablesTask task = TablesTask::open(folder.path());
  REQUIRE(task.items.size() == 3);
  CHECK(task.items[0].id == "plain");
  CHECK(task.items[0].document == "plain");
  CHECK(task.items[2].document == "d");
  CHECK(!task.items[0].truth.has_spans());
  CHECK(task.items[1].truth.has_spans());
  const TablesTask markdown = TablesTask::open(folder.path(), TruthFormat::kMarkdown);
  CHECK(!markdown.items[1].truth.has_spans());
  CHECK(markdown.item_list_sha256 == task.item_list_sha256);
  CHECK(markdown.truth_sha256 != task.truth_sha256);
  CHECK_THROWS_WITH_AS(TablesTask::open(folder.path(), TruthFormat::kHtml),
                       doctest::Contains("index.jsonl:1: no ground truth: no 'html'"),
                       std::runtime_error);
}

TEST_CASE("tables task: errors name file, line and reason") {
  const test::TaskFolder folder;
  const auto error_with = [&](const std::string& line, const char* expected) {
    CAPTURE(line);
    folder.write("index.jsonl", line + "\n");
    CHECK_THROWS_WITH_AS(TablesTask::open(folder.path()), doctest::Contains(expected),
                         std::runtime_error);
  };
  const std::string good = R"({"id":"x","image":"a.png","md":"plain.md"})";
  error_with("", "no items");
  error_with("{", "not valid JSON");
  error_with(R"({"image":"a.png","md":"plain.md"})", "'id' is missing");
  error_with(R"({"id":"","image":"a.png","md":"plain.md"})", "'id' is empty");
  error_with(good + "\n\n" + good, "index.jsonl:3: the id 'x' was used before");
  error_with(R"({"id":"x","image":"b.png","md":"plain.md"})", "b.png', which is no file");
  error_with(R"({"id":"x","image":"a.png","md":"none.md"})", "none.md', which is no file");
  error_with(R"({"id":"x","image":"/a.png","md":"plain.md"})", "absolute path");
  error_with(R"({"id":"x","image":"a.png"})", "neither 'html' nor 'md'");
  error_with(R"({"id":"x","image":"a.png","md":"a.png"})", "no Markdown table");
  error_with(R"({"id":"x","image":"a.png","html":"plain.md"})", "no table with cells");
  error_with(R"({"id":"x","image":"a.png","md":"plain.md","n_rows":3})", "'n_rows' is 3 but");
  folder.write("ragged.md", "|a|b|\n|-|-|\n|1|");
  error_with(R"({"id":"x","image":"a.png","md":"ragged.md"})", "1 rows with too few cells");
  CHECK_THROWS_WITH_AS(TablesTask::open(folder.path() / "none"), doctest::Contains("is missing"),
                       std::runtime_error);
}

TEST_CASE("tables task: groups by size, spans, ruling and glyph height") {
  const test::TaskFolder folder;
  folder.write(
      "index.jsonl",
      R"({"id":"x","image":"a.png","html":"span.html","borders":"none","glyph_height":12.4})"
      "\n"
      R"({"id":"y","image":"a.png","md":"plain.md"})");
  const TablesTask task = TablesTask::open(folder.path());
  CHECK(task.items[0].groups == std::map<std::string, std::string>{{"size", "1-25 cells"},
                                                                   {"spans", "yes"},
                                                                   {"ruling", "none"},
                                                                   {"glyph_height", "11-14 px"}});
  CHECK(task.items[1].groups.size() == 2);
}

TEST_CASE("tables task: PubTabNet's annotation file") {
  const test::TaskFolder folder;
  const std::string line =
      R"({"filename":"a.png","split":"val","imgid":1,"html":{"structure":{"tokens":["<thead>","<tr>",)"
      R"("<td"," colspan=\"2\"",">","</td>","</tr>","</thead>","<tbody>","<tr>","<td></td>",)"
      R"("<td>","</td>","</tr>","</tbody>"]},"cells":[{"tokens":["<b>","h","</b>"]},)"
      R"({"tokens":["<","2"]},{"tokens":[]}]}})";
  folder.write("pub.jsonl", line + "\n");
  const auto open = [&](const std::string& split) {
    return TablesTask::open_pubtabnet(folder.path() / "pub.jsonl", folder.path(), split);
  };
  const TablesTask task = open("val");
  REQUIRE(task.items.size() == 1);
  const Table& table = task.items[0].truth;
  CHECK(table.num_rows == 2);
  REQUIRE(table.cells.size() == 3);
  CHECK(table.cells[0].text == "h");
  CHECK(table.cells[0].column_span == 2);
  CHECK(table.cells[1].text == "<2");
  CHECK(open("").items.size() == 1);
  CHECK_THROWS_WITH_AS(open("test"), doctest::Contains("no item of split 'test', found: val"),
                       std::runtime_error);
  folder.write("pub.jsonl", line + "\n" + line + "\n");
  CHECK_THROWS_WITH_AS(open(""), doctest::Contains("pub.jsonl:2: the id 'a.png' was used before"),
                       std::runtime_error);
  folder.write("pub.jsonl", R"({"filename":"a.png","html":{"structure":{"tokens":["<tr>","<td>",)"
                            R"("</td>","</tr>"]},"cells":[]}})");
  CHECK_THROWS_WITH_AS(open(""), doctest::Contains("more td than the 0 cells"), std::runtime_error);
  CHECK_THROWS_WITH_AS(TablesTask::open_pubtabnet(folder.path() / "none.jsonl", folder.path(), ""),
                       doctest::Contains("ibm-aur-nlp/PubTabNet"), std::runtime_error);
}

TEST_CASE("tables task: OTSL as one text and as tokens") {
  const test::TaskFolder folder;
  folder.write("otsl.jsonl",
               R"({"id":"x","image":"a.png","otsl":"<ched>h<lcel><nl><fcel>1<ecel><nl>"})"
               "\n"
               R"({"id":"y","image":"a.png","otsl":["fcel","ecel","nl"],"texts":["1"]})");
  const TablesTask task = TablesTask::open_otsl(folder.path() / "otsl.jsonl", folder.path());
  REQUIRE(task.items.size() == 2);
  CHECK(task.items[0].truth.cells[0].column_span == 2);
  CHECK(task.items[1].truth.cells[0].text == "1");
  CHECK(task.items[0].groups.at("spans") == "yes");
  folder.write("otsl.jsonl", R"({"id":"x","image":"a.png","otsl":["fcel","xxx"],"texts":["1"]})");
  CHECK_THROWS_WITH_AS(
      TablesTask::open_otsl(folder.path() / "otsl.jsonl", folder.path()),
      doctest::Contains("otsl.jsonl:1: ground truth cannot be used: OTSL row 0, column 1"),
      std::runtime_error);
}

TEST_CASE("OTSL: merges, and what is refused") {
  const Table table = parse_otsl("<otsl><fcel>a<lcel><fcel>b<nl><ucel><xcel><ucel><nl></otsl>");
  REQUIRE(table.cells.size() == 2);
  CHECK(table.cells[0].row_span == 2);
  CHECK(table.cells[0].column_span == 2);
  CHECK(table.cells[1].row_span == 2);
  CHECK_NOTHROW(table.validate());
  for (const char* bad : {"", "<lcel><nl>", "<fcel>a<nl><fcel>b<fcel>c<nl>", "<nl>", "x<fcel>a",
                          "<fcel>a<lcel><nl><ucel><fcel>b<nl>", "<fcel>a<nl><lcel><nl>",
                          "<fcel>a<fcel>b<nl><fcel>c<xcel><nl>"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(parse_otsl(bad), std::runtime_error);
  }
  CHECK_THROWS_AS(parse_otsl({"fcel"}, {}), std::runtime_error);
  CHECK_THROWS_AS(parse_otsl({"fcel"}, {"a", "b"}), std::runtime_error);
}

TEST_CASE("table scores: perfect, flattened, HTML, ragged, nothing") {
  const test::TaskFolder folder;
  const Table truth = TablesTask::open(folder.path()).items[1].truth;
  const TableScores flat = score_table(test::kSpanMarkdown, truth);
  CHECK(flat.exact_match);
  CHECK(flat.well_formed);
  CHECK(flat.character_error_rate == 0.0);
  CHECK(flat.teds == doctest::Approx(1.0 - 2.0 / 6.0));  // the span differs, a blank is too many
  const TableScores html = score_table(test::kSpanHtml, truth);
  CHECK(html.teds == 1.0);
  CHECK(html.teds_structure == 1.0);
  CHECK(html.exact_match);
  CHECK(html.grits_topology == 1.0);
  CHECK(html.adjacency_f1 == 1.0);
  CHECK(flat.grits_topology == doctest::Approx(3.0 / 4.0));
  CHECK(flat.grits_content == doctest::Approx(3.0 / 4.0));
  CHECK(flat.cell_accuracy == 1.0);
  const TableScores ragged = score_table("| head |  |\n|---|---|\n| 1 |", truth);
  CHECK(ragged.has_table);
  CHECK(!ragged.well_formed);
  CHECK(!ragged.exact_match);
  const TableScores nothing = score_table("I cannot read this.", truth);
  CHECK(!nothing.has_table);
  CHECK(nothing.teds == 0.0);
  CHECK(nothing.character_error_rate == 1.0);
}

}  // namespace nvlm::eval
