// extract: pages with several tables, PDFs good and bad, overlays, and folders that are continued.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "common/json.h"
#include "tests/cli/program.h"
#include "tests/eval/pdf_text.h"
#include "vision/image.h"

namespace nvlm::test {
namespace {

namespace fs = std::filesystem;

const fs::path kPages = fs::path(NVLM_SOURCE_DIR) / "docs/samples/pages";

std::string content_of(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

int64_t occurrences(const std::string& text, const std::string& part) {
  int64_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

/// Share of the expected lines that stand in `text`.
double common_lines(const std::string& expected, const std::string& text) {
  std::istringstream lines(expected);
  int64_t count = 0, found = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    if (("\n" + text).find("\n" + line + "\n") != std::string::npos) ++found;
  }
  return static_cast<double>(found) / static_cast<double>(count);
}

}  // namespace

TEST_CASE("all tables of a page, in order, with an overlay") {
  const TempDir dir;
  const ProgramResult result =
      nvlm("extract --reader rules --overlay " + (dir / "seen.png").string() + " " +
           (kPages / "page.png").string());
  CAPTURE(result.err);
  for (const char* place : {"<!-- table 1 -->", "<!-- table 2 -->", "<!-- table 3 -->"}) {
    CHECK(occurrences(result.out, place) == 1);
  }
  CHECK(occurrences(result.out, "\n| --- |") == 3);
  CHECK(common_lines(content_of(kPages / "gt/page.md"), result.out) >= 0.8);
  const Tensor page = vision::read_image(kPages / "page.png");
  const Tensor overlay = vision::read_image(dir / "seen.png");
  CHECK(overlay.sizes() == page.sizes());
  CHECK_FALSE(overlay.equal(page));
}

TEST_CASE("pages of a PDF") {
  const TempDir dir;
  const std::string report = (kPages / "report.pdf").string();
  const ProgramResult all = nvlm("extract --reader rules " + report);
  CAPTURE(all.err);
  CHECK(all.exit_code == 0);
  CHECK(common_lines(content_of(kPages / "gt/report.md"), all.out) >= 0.8);
  const ProgramResult second =
      nvlm("extract --reader rules --pages 2 --dpi 110 -f json --overlay " +
           (dir / "seen").string() + " " + report);
  CAPTURE(second.err);
  const Json document = parse_json(second.out, "stdout");
  REQUIRE(document["pages"].size() == 1);
  CHECK(document["pages"][0]["page"] == 2);
  CHECK(document["pages"][0]["tables"].size() == 1);
  CHECK(fs::exists(dir / "seen/report-p2.png"));
  const ProgramResult one_picture =
      nvlm("extract --reader rules --overlay " + (dir / "x.png").string() + " " + report);
  CHECK(one_picture.exit_code == 1);
  CHECK(one_picture.err.find("2 pages are read; name a folder") != std::string::npos);
  const ProgramResult beyond = nvlm("extract --reader rules --pages 9 " + report);
  CHECK(beyond.exit_code == 1);
  CHECK(beyond.err.find("the document has 2") != std::string::npos);
}

TEST_CASE("bad documents are named and do not stop each other") {
  const TempDir dir;
  fs::create_directories(dir / "in");
  fs::copy_file(fs::path(NVLM_SOURCE_DIR) / "tests/eval/documents/encrypted.pdf",
                dir / "in/locked.pdf");
  std::ofstream(dir / "in/broken.pdf") << "%PDF-1.4 and nothing more";
  std::ofstream(dir / "in/empty.pdf");
  std::ofstream(dir / "in/long.pdf", std::ios::binary) << pdf_text(10'000);
  const ProgramResult result = nvlm("extract --reader rules --dpi 36 -o " + (dir / "out").string() +
                                    " " + (dir / "in").string());
  CAPTURE(result.err);
  CHECK(result.exit_code == 1);
  for (const char* words :
       {"locked.pdf': it is encrypted", "broken.pdf': it is damaged",
        "empty.pdf': the file is empty", "long.pdf: no table was found", "4 of 4 files failed"}) {
    CAPTURE(words);
    CHECK(result.err.find(words) != std::string::npos);
  }
  CHECK_FALSE(fs::exists(dir / "out/long.md"));
  CHECK(occurrences(content_of(dir / "out/extract.jsonl"), "\"error\"") == 4);
}

TEST_CASE("a folder is continued, not read again") {
  const TempDir dir;
  fs::create_directories(dir / "in");
  const fs::path samples = fs::path(NVLM_SOURCE_DIR) / "docs/samples";
  fs::copy_file(samples / "staff.png", dir / "in/a.png");
  fs::copy_file(samples / "staff.png", dir / "in/b.png");
  const std::string command =
      "extract --reader rules -o " + (dir / "out").string() + " " + (dir / "in").string();
  const ProgramResult first = nvlm(command);
  CAPTURE(first.err);
  CHECK(first.exit_code == 0);
  CHECK(first.out.empty());
  const std::string log = content_of(dir / "out/extract.jsonl");
  CHECK(occurrences(log, "\n") == 4);  // a table and a document for each
  CHECK(occurrences(log, "\"status\"") == 2);

  const ProgramResult again = nvlm(command);
  CHECK(again.exit_code == 0);
  CHECK(again.err.find("2 of 2 files were read before") != std::string::npos);
  CHECK(content_of(dir / "out/extract.jsonl") == log);

  fs::copy_file(samples / "lamps.png", dir / "in/b.png", fs::copy_options::overwrite_existing);
  const std::string before = content_of(dir / "out/b.md");
  const ProgramResult changed = nvlm(command);
  CHECK(changed.err.find("1 of 2 files were read before") != std::string::npos);
  CHECK(content_of(dir / "out/b.md") != before);

  const ProgramResult other = nvlm(command + " --format csv");
  CHECK(other.err.find("read before") == std::string::npos);
  CHECK(fs::exists(dir / "out/a.csv"));
}

TEST_CASE("inputs of the same name get outputs of their own") {
  const TempDir dir;
  fs::create_directories(dir / "x");
  fs::create_directories(dir / "y");
  const fs::path staff = fs::path(NVLM_SOURCE_DIR) / "docs/samples/staff.png";
  fs::copy_file(staff, dir / "x/a.png");
  fs::copy_file(staff, dir / "y/a.png");
  nvlm("extract --reader rules -o " + (dir / "out").string() + " " + (dir / "x").string() + " " +
       (dir / "y").string());
  CHECK(fs::exists(dir / "out/a.png.md"));
  CHECK(fs::exists(dir / "out/a.png-2.md"));
}

}  // namespace nvlm::test
