// extract: formats, span policies, options and exit codes, run as a user would.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "common/json.h"
#include "eval/table/gfm_parser.h"
#include "eval/table/html_parser.h"
#include "eval/table/table_json.h"
#include "tests/cli/program.h"
#include "tests/eval/drawn_page.h"
#include "vision/image.h"

namespace nvlm::test {
namespace {

namespace fs = std::filesystem;

const fs::path kSource = NVLM_SOURCE_DIR;
const std::string kStaff = (kSource / "docs/samples/staff.png").string();

bool lacks_model() {
  if (fs::exists(kSource / "models/nvlm-d/model.safetensors")) return false;
  MESSAGE("skipped: models/nvlm-d is not there");
  return true;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("every format holds the same table") {
  if (lacks_model()) return;
  const ProgramResult md = nvlm("extract " + kStaff);
  CAPTURE(md.err);
  CHECK(md.exit_code == 0);
  CHECK(has(md.err, "staff.png, table 1: "));
  const auto table = eval::parse_gfm_table(md.out, eval::GfmText::kEscaped);
  REQUIRE(table.has_value());
  const std::vector<std::string> texts = eval::grid_texts(table->table);
  CHECK(texts.size() >= 6);

  const ProgramResult html = nvlm("extract --format html --confidence " + kStaff);
  CHECK(html.exit_code == 0);
  REQUIRE(eval::parse_html_table(html.out).has_value());
  CHECK(eval::grid_texts(*eval::parse_html_table(html.out)) == texts);
  CHECK(has(html.out, "<th>"));
  CHECK(has(html.out, "<!-- confidence: "));

  const ProgramResult csv = nvlm("extract --format csv --spans repeat --header join " + kStaff);
  CHECK(csv.exit_code == 0);
  CHECK(csv.out.starts_with(texts[0] + "," + texts[1] + ","));

  const ProgramResult json = nvlm("extract -f json --spans error " + kStaff);
  CHECK(json.exit_code == 0);
  const Json document = parse_json(json.out, "stdout");
  const Json& entry = document["pages"][0]["tables"][0];
  CHECK(eval::grid_texts(eval::table_from_json(entry["table"], "stdout")) == texts);
  CHECK(entry["status"].is_string());
  CHECK(entry["checks"].size() == 4);
}

TEST_CASE("span policies on a table with a merged cell") {
  // A ruled table; the second cell of its first row covers two columns.
  DrawnPage page(380, 130);
  page.table(20, 10, 4, 3, /*ruled=*/true);
  cv::rectangle(page.picture(), {131, 12}, {348, 32}, cv::Scalar::all(255), cv::FILLED);
  page.text("Harvest", 200, 28);
  const TempDir dir;
  const std::string picture = (dir / "merged.png").string();
  vision::write_png(picture, page.enlarged(2).image());
  const auto run = [&](const std::string& options) {
    return nvlm("extract --reader rules " + options + " " + picture);
  };
  const ProgramResult blank = run("--spans blank");
  CAPTURE(blank.err);
  CAPTURE(blank.out);
  REQUIRE(blank.out.starts_with("| Head | Harvest |  |\n"));
  CHECK(run("--spans repeat").out.starts_with("| Head | Harvest | Harvest |\n"));
  CHECK(run("--spans repeat -f csv").out.starts_with("Head,Harvest,Harvest\r\n"));
  CHECK(has(run("--spans html").out, "colspan=\"2\">Harvest<"));
  const ProgramResult error = run("--spans error");
  CHECK(error.exit_code == 1);
  CHECK(error.out.empty());
  CHECK(has(error.err, "merged.png: the table has merged cells (row 1, column 2 covers 1 x 2)"));
  const ProgramResult json = run("--spans error -f json --verify");
  CHECK(json.exit_code == 0);
  const Json table = parse_json(json.out, "stdout")["pages"][0]["tables"][0];
  CHECK(table["table"]["cells"][1]["column_span"] == 2);
  for (const char* key : {"probability", "box", "confidence", "agreement"}) {
    CHECK(table["table"]["cells"][1].contains(key));
  }
  CHECK(table["reader"].get<std::string>().starts_with("tesseract-rules"));
}

TEST_CASE("two readers: the log says whose table was kept, and why") {
  if (lacks_model()) return;
  const ProgramResult result = nvlm("extract --reader auto -f json " + kStaff);
  CAPTURE(result.err);
  const Json table = parse_json(result.out, "stdout")["pages"][0]["tables"][0];
  CHECK_FALSE(table["choice"].get<std::string>().empty());
  CHECK(table["table"]["rows"].get<int64_t>() >= 2);
  CHECK(table["agreement"]["found"].get<double>() > 0.5);
}

TEST_CASE("wrong options are usage errors that name the option") {
  for (const auto& [arguments, words] : std::vector<std::pair<std::string, std::string>>{
           {"--format markdown", "--format is 'markdown'"},
           {"--spans merge", "--spans is 'merge'"},
           {"--header both", "--header is 'both'"},
           {"--reader modle", "did you mean 'model'"},
           {"--tables two", "--tables is 'two'"},
           {"--pages 3-1", "--pages: '3-1'"},
           {"--dpi 5", "--dpi is 5"},
           {"--dpi nan", "--dpi"},
           {"--fail-under 2", "--fail-under is 2"},
           {"--fail-under high", "fail-under"},
           {"--format csv --confidence", "--confidence has no place in CSV"},
           {"--overlay a.png " + kStaff, "expected a folder"},
           {"--verfy", "did you mean '--verify'"}}) {
    CAPTURE(arguments);
    const ProgramResult result = nvlm("extract " + arguments + " " + kStaff);
    CHECK(result.exit_code == 2);
    CHECK(has(result.err, words));
    CHECK(result.out.empty());
  }
  CHECK(nvlm("extract").exit_code == 2);
  const TempDir empty;
  const ProgramResult nothing = nvlm("extract " + empty.path().string());
  CHECK(nothing.exit_code == 2);
  CHECK(has(nothing.err, "holds no PNG"));
  CHECK(nvlm("extract --help").exit_code == 0);
}

TEST_CASE("a table below --fail-under is written and fails") {
  if (lacks_model()) return;
  const ProgramResult result = nvlm("extract --fail-under 1 " + kStaff);
  CHECK(result.exit_code == 1);
  CHECK(has(result.err, "table 1: fail"));
  CHECK(has(result.err, "1 of 1 tables have the status fail"));
  CHECK(eval::parse_gfm_table(result.out).has_value());
}

}  // namespace nvlm::test
