// Pages and documents with readers made by hand: what is read, judged, written and remembered.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/atomic_file.h"
#include "eval/extraction/document_output.h"
#include "eval/extraction/extract_document.h"
#include "eval/extraction/extract_log.h"
#include "eval/extraction/extract_page.h"
#include "eval/extraction/overlay.h"
#include "eval/table/gfm_parser.h"
#include "eval/table/table_json.h"
#include "tests/eval/drawn_page.h"
#include "tests/eval/pdf_text.h"
#include "tests/support/temp_dir.h"
#include "vision/image.h"

namespace nvlm::eval {
namespace {

/// Gives its answers one after the other, with the probability for every cell if there is one; an
/// answer "throw" is an error.
class AnsweringReader : public TableReader {
 public:
  explicit AnsweringReader(std::vector<std::string> answers, double probability = -1,
                           std::string name = "scripted")
      : answers_(std::move(answers)), probability_(probability), name_(std::move(name)) {}

  std::vector<TableReading> read(std::span<const Tensor> images) override {
    std::vector<TableReading> readings;
    for (const Tensor& image : images) {
      sizes.push_back({image.size(1), image.size(0)});
      const std::string& answer = answers_.at(next_++ % answers_.size());
      if (answer == "throw") throw std::runtime_error("the reader is broken");
      TableReading& reading = readings.emplace_back(answer);
      if (auto gfm = parse_gfm_table(answer)) reading.table = std::move(gfm->table);
      if (!reading.table) continue;
      for (TableCell& cell : reading.table->cells) {
        if (probability_ >= 0) cell.probability = probability_;
        cell.box = PixelBox{1, 2, 3, 4};
      }
    }
    return readings;
  }
  std::string name() const override { return name_; }

  std::vector<std::pair<int64_t, int64_t>> sizes;

 private:
  std::vector<std::string> answers_;
  double probability_;
  std::string name_;
  size_t next_ = 0;
};

const std::string kAnswer = "| a | b |\n| --- | --- |\n| 1 | 2 |";

Tensor page_of_two_tables() {
  test::DrawnPage page(900, 900);
  const int y = page.prose(60, 40, 6);
  page.table(150, y + 40, 5, 4, true);
  page.prose(60, y + 230, 5);
  page.table(100, y + 380, 6, 3, true);
  return page.image();
}

ExtractedTable hand_made(double low_probability) {
  ExtractedTable table;
  table.box = {1, 2, 30, 40};
  table.reader = "hand";
  table.table = parse_gfm_table(kAnswer)->table;
  for (TableCell& cell : table.table.cells) cell.probability = 0.9;
  table.table.cells[3].probability = low_probability;
  table.table.cells[3].text = "2--x";
  table.proof = prove_table(table.table, false, std::nullopt);
  table.verdict = judge_table(table.table, table.proof, std::nullopt);
  return table;
}

}  // namespace

TEST_CASE("a page's tables are cropped, read in order, and boxes are the page's") {
  AnsweringReader reader({kAnswer, "| c |\n| --- |\n| x |"}, 0.97);
  const std::vector<ExtractedTable> tables =
      extract_page(page_of_two_tables(), {.model = &reader}, {});
  REQUIRE(tables.size() == 2);
  CHECK(tables[0].table.num_columns == 2);
  CHECK(tables[1].table.num_columns == 1);
  CHECK(tables[0].box.top < tables[1].box.top);
  REQUIRE(reader.sizes.size() == 2);
  CHECK(reader.sizes[0].first == tables[0].box.right - tables[0].box.left);
  CHECK(tables[0].table.cells[0].box->left == tables[0].box.left + 1);
  CHECK(tables[1].table.cells[0].box->bottom == tables[1].box.top + 4);
  CHECK(tables[0].verdict.status == TableStatus::kOk);
  CHECK(tables[0].reader == "scripted");

  AnsweringReader whole({kAnswer});
  CHECK(extract_page(page_of_two_tables(), {.model = &whole}, {.find_tables = false}).size() == 1);
  CHECK(whole.sizes[0].first == 900);
  CHECK_THROWS_AS(extract_page(page_of_two_tables(), {}, {}), std::invalid_argument);
}

TEST_CASE("a table that cannot be read does not stop the others") {
  AnsweringReader reader({"throw", kAnswer});
  std::vector<ExtractedTable> tables = extract_page(page_of_two_tables(), {.model = &reader}, {});
  REQUIRE(tables.size() == 2);
  CHECK(tables[0].error == "the reader is broken");
  CHECK(tables[0].verdict.status == TableStatus::kFail);
  CHECK(tables[1].error.empty());
  AnsweringReader speechless({"no table here"});
  tables = extract_page(page_of_two_tables(), {.model = &speechless}, {});
  CHECK(tables[0].error == "the answer of scripted holds no table");
}

TEST_CASE("answers with rows of different lengths are repaired and need a check") {
  const auto no_delimiters = resolve_table({"| a | b |\n| 1 |", std::nullopt});
  REQUIRE(no_delimiters.has_value());
  CHECK(no_delimiters->was_ragged);
  CHECK(no_delimiters->table.num_columns == 2);
  const std::string ragged = "| a | b |\n|---|---|\n| 1 |";
  CHECK(resolve_table({ragged, parse_gfm_table(ragged)->table})->was_ragged);
  CHECK_FALSE(resolve_table({kAnswer, parse_gfm_table(kAnswer)->table})->was_ragged);
  CHECK(resolve_table({"<table><tr><td>x</td></tr></table>", std::nullopt})->table.num_rows == 1);
  CHECK_FALSE(resolve_table({"nothing", std::nullopt}).has_value());
  AnsweringReader reader({ragged}, 0.99);
  const auto tables =
      extract_page(page_of_two_tables(), {.model = &reader}, {.find_tables = false});
  CHECK(tables[0].verdict.status == TableStatus::kCheck);
}

TEST_CASE("with two readers the better reading is kept, and the words decide") {
  const std::string other = "| x | y |\n| --- | --- |\n| 8 | 9 |";
  const Tensor page = at::full({50, 50, 3}, 255, at::kByte);
  const ExtractOptions one{.find_tables = false};
  const auto read = [&](AnsweringReader model, AnsweringReader rules, WordReader words) {
    return extract_page(page, {&model, &rules, std::move(words)}, one).at(0);
  };
  const auto sees = [](std::vector<std::string> words) {
    return [words](const Tensor&) { return words; };
  };
  const AnsweringReader model({kAnswer}, 0.95, "model"), rules({other}, 0.9, "rules");
  CHECK(read(model, rules, sees({"a", "b", "1", "2"})).reader == "model");
  const ExtractedTable chosen = read(model, rules, sees({"x", "y", "8", "9"}));
  CHECK(chosen.reader == "rules");
  CHECK_FALSE(chosen.choice.empty());
  CHECK(chosen.proof.agreement->found() == 1.0);
  CHECK(read(AnsweringReader({"throw"}, 1, "model"), rules, {}).reader == "rules");
  CHECK(read(model, AnsweringReader({"none"}, 1, "rules"), {}).reader == "model");
  const ExtractedTable neither =
      read(AnsweringReader({"throw"}, 1, "model"), AnsweringReader({"none"}, 1, "rules"), {});
  CHECK(neither.error.find("broken") != std::string::npos);
  CHECK(neither.error.find("holds no table") != std::string::npos);
}

TEST_CASE("fail-under makes a table fail") {
  AnsweringReader reader({kAnswer}, 0.92);
  const Tensor page = at::full({50, 50, 3}, 255, at::kByte);
  ExtractOptions options{.find_tables = false};
  options.fail_under = 0.95;
  CHECK(extract_page(page, {.model = &reader}, options)[0].verdict.status == TableStatus::kFail);
  options.fail_under = 0.9;
  CHECK(extract_page(page, {.model = &reader}, options)[0].verdict.status == TableStatus::kOk);
}

TEST_CASE("a PDF is read page by page; a page without a table has none") {
  const test::TempDir dir;
  write_file_atomically(dir / "blank.pdf", test::pdf_text(3));
  AnsweringReader reader({kAnswer});
  int64_t calls = 0;
  const auto count = [&](const Tensor& image, const ExtractedPage& page) {
    CHECK(image.defined());
    CHECK(page.tables.empty());
    ++calls;
  };
  const DocumentPages blank(dir / "blank.pdf", {}, 72);
  CHECK(blank.is_paged());
  CHECK_THROWS_WITH_AS(extract_document(blank, {.model = &reader}, {}, count),
                       "no table was found on its pages", std::runtime_error);
  CHECK(calls == 3);
  CHECK(reader.sizes.empty());

  const DocumentPages report(
      std::filesystem::path(NVLM_SOURCE_DIR) / "docs/samples/pages/report.pdf", {}, 100);
  const std::vector<ExtractedPage> pages = extract_document(report, {.model = &reader}, {}, {});
  REQUIRE(pages.size() == 2);
  CHECK(pages[0].tables.size() == 2);
  CHECK(pages[1].tables.size() == 1);
  CHECK(pages[1].number == 2);
  CHECK_THROWS_AS(DocumentPages(dir / "blank.pdf", {{4, 5}}, 72), std::runtime_error);
}

TEST_CASE("documents as text: places, confidence, JSON") {
  const std::vector<ExtractedPage> pages = {{1, {hand_made(0.9)}}, {3, {hand_made(0.3)}}};
  DocumentOutputOptions options;
  options.is_paged = true;
  options.show_confidence = true;
  CHECK(document_text("r.pdf", pages, options, false) ==
        "<!-- page 1, table 1 -->\n| a | b |\n| --- | --- |\n| 1 | 2--x |\n\n"
        "<!-- confidence: mean 0.900, lowest 0.900 -->\n\n"
        "<!-- page 3, table 1 -->\n| a | b |\n| --- | --- |\n| 1 | 2--x |\n\n"
        "<!-- confidence: mean 0.750, lowest 0.300; low: row 2, column 2 \"2- -x\" 0.300 -->\n");
  CHECK(document_text("a.png", {{1, {hand_made(0.9)}}}, {}, false) ==
        "| a | b |\n| --- | --- |\n| 1 | 2--x |\n");
  options.table.format = TableFormat::kCsv;
  CHECK(document_text("r.pdf", pages, options, false) == "a,b\r\n1,2--x\r\n\r\na,b\r\n1,2--x\r\n");

  options.table.format = TableFormat::kJson;
  const std::string line = document_text("r.pdf", pages, options, true);
  CHECK(line.find('\n') == line.size() - 1);
  const Json json = parse_json(line, "test");
  CHECK(json["source"] == "r.pdf");
  const Json& table = json["pages"][1]["tables"][0];
  CHECK(json["pages"][1]["page"] == 3);
  CHECK(table["status"] == "check");
  CHECK(table["lowest_confidence"] == 0.3);
  CHECK(table["table"]["cells"][3]["confidence"] == 0.3);
  CHECK(table["box"] == Json({1, 2, 30, 40}));
  CHECK(table_from_json(table["table"], "test").cells[3].text == "2--x");
  CHECK(table["checks"][0]["name"] == "rectangular");

  const Json failed = document_json("x.png", {{1, {unread_table({}, "no")}}});
  CHECK(failed["pages"][0]["tables"][0]["error"] == "no");
  CHECK_FALSE(failed["pages"][0]["tables"][0].contains("table"));
}

TEST_CASE("the sample pages' ground truth has as many tables as are found") {
  const std::filesystem::path samples =
      std::filesystem::path(NVLM_SOURCE_DIR) / "docs/samples/pages";
  for (const auto& [truth, file] : std::vector<std::pair<std::string, std::string>>{
           {"gt/page.md", "page.png"}, {"gt/report.md", "report.pdf"}}) {
    // A reader that answers with the truth's tables, one after the other.
    std::vector<std::string> answers;
    const std::string text = read_text_file(samples / truth);
    for (size_t at = text.find("<!--"); at != std::string::npos;) {
      const size_t next = text.find("<!--", at + 1);
      answers.push_back(text.substr(at, next - at));
      REQUIRE(parse_gfm_table(answers.back()).has_value());
      at = next;
    }
    AnsweringReader reader(answers, 0.99);
    const DocumentPages document(samples / file, {}, 150);
    const auto pages = extract_document(document, {.model = &reader}, {}, {});
    CHECK(reader.sizes.size() == answers.size());
    DocumentOutputOptions options;
    options.is_paged = document.is_paged();
    CHECK(document_text(file, pages, options, false) == text);
    for (const ExtractedPage& page : pages) {
      for (const ExtractedTable& table : page.tables) {
        CHECK(table.verdict.status == TableStatus::kOk);  // its totals add up, for instance
      }
    }
  }
}

TEST_CASE("the log remembers what was read, until something changes") {
  const test::TempDir dir;
  const DocumentRecord record{{"in/a.png", "hash", "settings"}, "a.md", 1, 0};
  const std::vector<ExtractedPage> pages = {{1, {hand_made(0.9)}}};
  {
    ExtractLog log(dir.path());
    CHECK_FALSE(log.finished(record.key).has_value());
    log.add(record, pages);
    log.add_failure("in/b.png", "broken");
    CHECK_FALSE(log.finished(record.key).has_value());  // its output is not there
    write_file_atomically(dir / "a.md", "x");
    CHECK(log.finished(record.key).has_value());
  }
  {
    const ExtractLog log(dir.path());
    const auto finished = log.finished(record.key);
    REQUIRE(finished.has_value());
    CHECK(finished->num_tables == 1);
    CHECK(finished->output == "a.md");
    CHECK_FALSE(log.finished({"in/a.png", "other", "settings"}).has_value());
    CHECK_FALSE(log.finished({"in/a.png", "hash", "other"}).has_value());
    CHECK_FALSE(log.finished({"in/b.png", "", ""}).has_value());
  }
  const std::string before = read_text_file(dir / "extract.jsonl");
  // A run that is killed leaves tables without their document, and half a line.
  std::ofstream(dir / "extract.jsonl", std::ios::app)
      << "{\"source\": \"in/c.png\", \"page\": 1}\n{\"document\": \"in/c.p";
  { const ExtractLog log(dir.path()); }
  CHECK(read_text_file(dir / "extract.jsonl") == before);
  {
    ExtractLog log(dir.path());
    log.add(record, pages);  // read again: the earlier lines go with the next opening
  }
  { const ExtractLog log(dir.path()); }
  const std::string after = read_text_file(dir / "extract.jsonl");
  CHECK(std::count(after.begin(), after.end(), '\n') == 3);
  write_file_atomically(dir / "extract.jsonl", "{\"id\": 3}\n");
  CHECK_THROWS_WITH_AS(ExtractLog(dir.path()), doctest::Contains("extract.jsonl:1"),
                       std::runtime_error);
}

TEST_CASE("the overlay shows frames in the colour of the status") {
  const Tensor page = at::full({200, 300, 3}, 255, at::kByte);
  ExtractedTable good = hand_made(0.9);
  good.box = {50, 60, 250, 180};
  good.table.cells[0].box = PixelBox{80, 100, 120, 130};
  const Tensor drawn = draw_overlay(page, {good});
  CHECK(drawn.sizes() == page.sizes());
  CHECK(page.min().item<int64_t>() == 255);  // a copy
  const auto colour = [&](const Tensor& image, int64_t x, int64_t y) {
    return std::vector<int64_t>{image[y][x][0].item<int64_t>(), image[y][x][1].item<int64_t>(),
                                image[y][x][2].item<int64_t>()};
  };
  using Colour = std::vector<int64_t>;
  CHECK(colour(drawn, 150, 60) == Colour{0, 150, 60});
  CHECK(colour(drawn, 100, 100) == Colour{0, 150, 60});  // the cell
  CHECK(colour(drawn, 200, 150) == Colour{255, 255, 255});
  ExtractedTable bad = unread_table({-5, -5, 900, 900}, "no");
  CHECK(colour(draw_overlay(page, {bad}), 299, 100) == Colour{210, 30, 30});
  CHECK_NOTHROW(draw_overlay(at::zeros({1, 1, 3}, at::kByte), {bad, good}));
}

}  // namespace nvlm::eval
