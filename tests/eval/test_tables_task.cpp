#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

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
