// PDFs: pages as pictures, page ranges, and files that are encrypted, damaged, empty or long.
#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/atomic_file.h"
#include "common/error.h"
#include "common/random.h"
#include "eval/extraction/page_ranges.h"
#include "eval/extraction/pdf_document.h"
#include "tests/eval/pdf_text.h"
#include "tests/support/temp_dir.h"

namespace nvlm::eval {
namespace {

const char* const kSecretText = "BT /F1 12 Tf 20 50 Td (harbour) Tj ET";

std::string pdf_error(const std::filesystem::path& path) {
  try {
    const PdfDocument document(path);
    for (int64_t page = 1; page <= document.num_pages(); ++page) document.render(page, 72);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a page becomes a picture of its size, black on white") {
  const test::TempDir dir;
  write_file_atomically(dir / "a.pdf", test::pdf_text(2, kSecretText));
  CHECK(is_pdf(dir / "a.pdf"));
  const PdfDocument document(dir / "a.pdf");
  CHECK(document.num_pages() == 2);
  const Tensor page = document.render(2, 144);
  CHECK(page.sizes() == at::IntArrayRef({200, 400, 3}));
  CHECK(page.max().item<int64_t>() == 255);
  CHECK(page.min().item<int64_t>() < 60);
  // The text stands on the line 50 points above the bottom, from 20 points on.
  CHECK(page.slice(0, 80, 102).slice(1, 40, 130).min().item<int64_t>() < 60);
  CHECK(page.slice(0, 0, 70).min().item<int64_t>() == 255);
  CHECK_THROWS_AS(document.render(3, 144), std::runtime_error);
  CHECK_THROWS_WITH_AS(document.render(1, 20000), doctest::Contains("pixels; at most 200000000"),
                       std::runtime_error);
}

TEST_CASE("PDFs that cannot be read say why") {
  const test::TempDir dir;
  const std::filesystem::path encrypted =
      std::filesystem::path(NVLM_SOURCE_DIR) / "tests/eval/documents/encrypted.pdf";
  CHECK(pdf_error(encrypted).find("encrypted and needs a password") != std::string::npos);
  CHECK(pdf_error(encrypted).find("encrypted.pdf") != std::string::npos);
  CHECK(pdf_error(dir / "none.pdf").find("No such file") != std::string::npos);
  write_file_atomically(dir / "empty.pdf", "");
  CHECK(pdf_error(dir / "empty.pdf").find("the file is empty") != std::string::npos);
  write_file_atomically(dir / "text.pdf", "harbour");
  CHECK(pdf_error(dir / "text.pdf").find("does not begin as a PDF") != std::string::npos);
  write_file_atomically(dir / "head.pdf", "%PDF-1.4\nharbour");
  CHECK(pdf_error(dir / "head.pdf").find("damaged") != std::string::npos);
  write_file_atomically(dir / "nopages.pdf", test::pdf_text(0));
  CHECK(pdf_error(dir / "nopages.pdf").find("no pages") != std::string::npos);
  CHECK_FALSE(is_pdf(dir / "none.pdf"));
}

TEST_CASE("damaged PDFs never crash") {
  const test::TempDir dir;
  Random random(73);
  const std::string good = test::pdf_text(3, kSecretText);
  for (int trial = 0; trial < 150; ++trial) {
    std::string bad = good;
    for (int64_t i = random.integer(1, 12); i > 0; --i) {
      bad[static_cast<size_t>(random.integer(0, int64_t(bad.size()) - 1))] =
          static_cast<char>(random.integer(0, 255));
    }
    if (random.chance(0.3)) bad.resize(static_cast<size_t>(random.integer(1, 600)));
    std::ofstream(dir / "bad.pdf", std::ios::binary) << bad;
    CAPTURE(trial);
    CHECK_NOTHROW(pdf_error(dir / "bad.pdf"));  // read or refused
  }
}

TEST_CASE("ten thousand pages are opened and one is read, at once") {
  const test::TempDir dir;
  write_file_atomically(dir / "long.pdf", test::pdf_text(10'000, kSecretText));
  const auto start = std::chrono::steady_clock::now();
  const PdfDocument document(dir / "long.pdf");
  CHECK(document.num_pages() == 10'000);
  CHECK(document.render(9'999, 72).size(1) == 200);
  CHECK(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < 5.0);
}

TEST_CASE("page ranges") {
  const auto pages = [](const char* text, int64_t count) {
    return select_pages(parse_page_ranges(text), count);
  };
  using Pages = std::vector<int64_t>;
  CHECK(pages("", 3) == Pages{1, 2, 3});
  CHECK(pages("2", 3) == Pages{2});
  CHECK(pages("1-3,7", 9) == Pages{1, 2, 3, 7});
  CHECK(pages("7,2-3,3", 9) == Pages{2, 3, 7});
  CHECK(pages("5-", 7) == Pages{5, 6, 7});
  CHECK(pages("2-99", 3) == Pages{2, 3});
  CHECK_THROWS_AS(pages("4", 3), std::runtime_error);
  for (const char* bad :
       {"0", "a", "3-1", "1,", ",1", "1--2", "-2", "1.5", " 1", "-", "99999999999999999999"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(parse_page_ranges(bad), UsageError);
  }
}

}  // namespace nvlm::eval
