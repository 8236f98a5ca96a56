// Tables on pages: typeset ones, drawn ones, and pictures that are none.
#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/random.h"
#include "eval/extraction/page_tables.h"
#include "tests/eval/drawn_page.h"
#include "vision/image.h"

namespace nvlm::eval {
namespace {

const std::filesystem::path kPageSamples = std::filesystem::path(NVLM_SOURCE_DIR) / "docs/samples";

/// Whether `box` holds `inner`, with at most `slack` pixels around it.
bool fits(const PixelBox& box, const PixelBox& inner, int64_t slack) {
  return box.left <= inner.left && box.top <= inner.top && box.right >= inner.right &&
         box.bottom >= inner.bottom && box.left >= inner.left - slack &&
         box.top >= inner.top - slack && box.right <= inner.right + slack &&
         box.bottom <= inner.bottom + slack;
}

bool is_whole(const std::vector<PixelBox>& boxes, const Tensor& image) {
  return boxes.size() == 1 && boxes[0].left == 0 && boxes[0].top == 0 &&
         boxes[0].right == image.size(1) && boxes[0].bottom == image.size(0);
}

}  // namespace

TEST_CASE("three tables of a typeset page, in order and complete") {
  const Tensor page = vision::read_image(kPageSamples / "pages/page.png");
  const std::vector<PixelBox> boxes = find_tables(page);
  REQUIRE(boxes.size() == 3);
  // Booktabs; ruled; one line below the header. Measured in the picture.
  CHECK(fits(boxes[0], {468, 335, 772, 499}, 25));
  CHECK(fits(boxes[1], {464, 725, 776, 871}, 25));
  CHECK(fits(boxes[2], {437, 1031, 803, 1134}, 25));
}

TEST_CASE("every sample of a single table is the whole picture") {
  int64_t pictures = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kPageSamples)) {
    if (entry.path().extension() != ".png") continue;
    CAPTURE(entry.path().string());
    const Tensor image = vision::read_image(entry.path());
    CHECK(is_whole(find_tables(image), image));
    ++pictures;
  }
  CHECK(pictures >= 12);
}

TEST_CASE("drawn pages: prose, then a table with or without lines, then prose") {
  for (const bool ruled : {false, true}) {
    CAPTURE(ruled);
    test::DrawnPage page(900, 900);
    const int y = page.prose(60, 40, 6);
    const PixelBox first = page.table(150, y + 40, 5, 4, ruled);
    page.prose(60, static_cast<int>(first.bottom) + 40, 5);
    const PixelBox second = page.table(100, static_cast<int>(first.bottom) + 200, 6, 3, !ruled);
    page.prose(60, static_cast<int>(second.bottom) + 40, 3);
    const std::vector<PixelBox> boxes = find_tables(page.image());
    REQUIRE(boxes.size() == 2);
    // Texts are left-aligned, so an unruled table ends within its last column.
    CHECK(boxes[0].top >= y);
    CHECK(boxes[0].top <= first.top + 10);
    CHECK(boxes[0].bottom >= first.bottom - 10);
    CHECK(boxes[0].bottom <= first.bottom + 30);
    CHECK(boxes[1].top > boxes[0].bottom);
    CHECK(boxes[1].top <= second.top + 10);
    CHECK(boxes[1].bottom >= second.bottom - 10);
  }
}

TEST_CASE("two tables below each other with a caption between them") {
  test::DrawnPage page(700, 600);
  page.text("Table 1: cargo", 60, 30);
  const PixelBox first = page.table(60, 50, 6, 4, true);
  page.text("Table 2: cranes", 60, static_cast<int>(first.bottom) + 60);
  const PixelBox second = page.table(60, static_cast<int>(first.bottom) + 90, 6, 5, true);
  const std::vector<PixelBox> boxes = find_tables(page.image());
  REQUIRE(boxes.size() == 2);
  CHECK(fits(boxes[0], first, 20));
  CHECK(fits(boxes[1], second, 20));
}

TEST_CASE("one table is one table: headings and gaps within it do not cut it") {
  test::DrawnPage page(520, 560);
  page.table(20, 10, 8, 4);
  page.text("Projected", 26, 250);
  page.table(20, 260, 8, 4);
  const Tensor image = page.image();
  CHECK(is_whole(find_tables(image), image));
}

TEST_CASE("prose has no table, and a blank page of a document neither") {
  test::DrawnPage page(900, 800);
  page.prose(60, 40, 25);
  CHECK(find_tables(page.image()).empty());
  const Tensor blank = at::full({300, 200, 3}, 255, at::kByte);
  CHECK(find_tables(blank, PageKind::kDocument).empty());
  CHECK(is_whole(find_tables(blank, PageKind::kPicture), blank));  // whoever sent it means it
  const Tensor dot = at::full({1, 1, 3}, 0, at::kByte);
  CHECK(is_whole(find_tables(dot), dot));
}

TEST_CASE("a page set in two columns is no table; a table in one of them is") {
  test::DrawnPage page(1400, 900);
  page.prose(40, 40, 30, 7);
  page.prose(720, 40, 12, 7);
  const PixelBox table = page.table(740, 350, 6, 4, true);
  page.prose(720, static_cast<int>(table.bottom) + 40, 10, 7);
  const std::vector<PixelBox> boxes = find_tables(page.image());
  REQUIRE(boxes.size() == 1);
  CHECK(fits(boxes[0], table, 20));

  test::DrawnPage prose(1400, 900);
  prose.prose(40, 40, 30, 7);
  prose.prose(720, 40, 28, 7);
  CHECK(find_tables(prose.image()).empty());
}

TEST_CASE("one table on a document's page is cut out of it") {
  test::DrawnPage page(900, 1200);
  const PixelBox table = page.table(150, 200, 5, 4, true);
  const Tensor image = page.image();
  const std::vector<PixelBox> boxes = find_tables(image, PageKind::kDocument);
  REQUIRE(boxes.size() == 1);
  CHECK(fits(boxes[0], table, 20));
  CHECK(is_whole(find_tables(image, PageKind::kPicture), image));
}

TEST_CASE("white text on a dark band is text") {
  test::DrawnPage page(600, 260);
  page.table(40, 10, 9, 4);
  cv::Mat band = page.picture()(cv::Rect(0, 8, 600, 25));
  cv::bitwise_not(band, band);
  const PageLayout layout = analyse_page(page.image());
  REQUIRE(layout.num_rows() == 9);
  CHECK(layout.blocks[0][0].pieces.size() == 4);
}

TEST_CASE("huge pictures and noise take bounded time") {
  const auto seconds = [](const Tensor& image) {
    const auto start = std::chrono::steady_clock::now();
    const std::vector<PixelBox> boxes = find_tables(image);
    CHECK(boxes.size() <= 100);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  Random random(71);
  // About 10^5 specks the size of glyphs.
  Tensor specks = at::full({2400, 2400, 3}, 255, at::kByte);
  for (int i = 0; i < 100'000; ++i) {
    const int64_t y = random.integer(0, 2393), x = random.integer(0, 2393);
    specks.slice(0, y, y + 5).slice(1, x, x + 3).fill_(0);
  }
  CHECK(seconds(specks) < 10.0);
  CHECK(seconds(at::full({8000, 8000, 3}, 200, at::kByte)) < 10.0);
  // A grid of 10^4 cells.
  Tensor grid = at::full({2000, 2000, 3}, 255, at::kByte);
  for (int64_t at = 0; at < 2000; at += 20) {
    grid.slice(0, at, at + 1).fill_(0);
    grid.slice(1, at, at + 1).fill_(0);
  }
  CHECK(seconds(grid) < 10.0);
}

TEST_CASE("cropping cuts at the picture's edges and refuses what lies outside") {
  const Tensor image = at::arange(4 * 5 * 3, at::kByte).view({4, 5, 3});
  const Tensor part = crop_image(image, {1, -3, 3, 2});
  CHECK(part.sizes() == at::IntArrayRef({2, 2, 3}));
  CHECK(part.is_contiguous());
  CHECK(part[1][0][2].item<int64_t>() == 5 * 3 + 3 + 2);
  CHECK_THROWS_AS(crop_image(image, {5, 0, 9, 4}), std::invalid_argument);
}

}  // namespace nvlm::eval
