#include "eval/readers/rules_reader.h"

#ifdef NVLM_IMAGE_FILES

#include <doctest/doctest.h>

#include <opencv2/imgproc.hpp>

#include "eval/table/html_parser.h"

namespace nvlm::eval {
namespace {

using Texts = std::vector<std::string>;

/// A white page to draw a table on.
struct DrawnTable {
  explicit DrawnTable(int width, int height)
      : rgb(height, width, CV_8UC3, cv::Scalar(255, 255, 255)) {}

  void text(int x, int baseline, const std::string& text, int gray = 0) {
    cv::putText(rgb, text, {x, baseline}, cv::FONT_HERSHEY_SIMPLEX, 0.9, cv::Scalar::all(gray), 2,
                cv::LINE_AA);
  }
  void horizontal(int y, int from, int to) {
    cv::line(rgb, {from, y}, {to, y}, cv::Scalar::all(0), 2);
  }
  void vertical(int x, int from, int to) {
    cv::line(rgb, {x, from}, {x, to}, cv::Scalar::all(0), 2);
  }
  /// Rows of text 60 pixels apart; "" leaves a cell blank.
  void rows(const std::vector<Texts>& table, const std::vector<int>& columns, int first = 50) {
    for (size_t r = 0; r < table.size(); ++r) {
      for (size_t c = 0; c < columns.size(); ++c) {
        if (!table[r][c].empty()) text(columns[c], first + 60 * static_cast<int>(r), table[r][c]);
      }
    }
  }
  TableReading read() const {
    static RulesReader reader;
    const Tensor image = at::from_blob(rgb.data, {rgb.rows, rgb.cols, 3}, at::kByte).clone();
    return reader.read(std::span(&image, 1)).at(0);
  }

  cv::Mat rgb;
};

const std::vector<Texts> kHarvest = {{"Fruit", "North", "South"},
                                     {"Apple", "1204", "588"},
                                     {"Cherry", "317", "4290"},
                                     {"Lemon", "68", "731"}};

Texts all_texts(const std::vector<Texts>& rows) {
  Texts texts;
  for (const Texts& row : rows) texts.insert(texts.end(), row.begin(), row.end());
  return texts;
}

void check_reads(const DrawnTable& drawn, const std::vector<Texts>& expected) {
  const TableReading reading = drawn.read();
  REQUIRE(reading.table);
  CAPTURE(reading.text);
  CHECK(reading.table->num_rows == static_cast<int64_t>(expected.size()));
  CHECK(reading.table->num_columns == static_cast<int64_t>(expected[0].size()));
  CHECK(grid_texts(*reading.table) == all_texts(expected));
  CHECK_NOTHROW(reading.table->validate());
  const std::optional<Table> parsed = parse_html_table(reading.text);
  REQUIRE(parsed);
  CHECK(grid_texts(*parsed) == grid_texts(*reading.table));
}

}  // namespace

TEST_CASE("rules reader: a full grid; cells know probability and box") {
  DrawnTable drawn(640, 280);
  for (const int y : {10, 70, 130, 190, 250}) drawn.horizontal(y, 20, 620);
  for (const int x : {20, 220, 420, 620}) drawn.vertical(x, 10, 250);
  drawn.rows(kHarvest, {40, 240, 440});
  check_reads(drawn, kHarvest);
  const TableReading reading = drawn.read();
  for (const TableCell& cell : reading.table->cells) {
    REQUIRE(cell.probability);
    CHECK(*cell.probability > 0.3);
    CHECK(*cell.probability <= 1.0);
    REQUIRE(cell.box);
    CHECK(cell.box->left < cell.box->right);
    CHECK(cell.box->top < cell.box->bottom);
  }
  const PixelBox& box = *reading.table->cells[4].box;  // "1204", from (240, 110) up
  CHECK(std::abs(box.left - 240) < 8);
  CHECK(std::abs(box.bottom - 110) < 8);
  CHECK(box.right < 420);
  CHECK(box.top > 70);
}

TEST_CASE("rules reader: three lines, and no lines at all") {
  DrawnTable drawn(640, 280);
  drawn.rows(kHarvest, {40, 240, 440});
  check_reads(drawn, kHarvest);
  for (const int y : {10, 70, 250}) drawn.horizontal(y, 20, 620);
  check_reads(drawn, kHarvest);
}

TEST_CASE("rules reader: a blank cell in the header and one in the body") {
  DrawnTable drawn(640, 280);
  std::vector<Texts> table = kHarvest;
  table[0][0].clear();
  table[2][1].clear();
  drawn.rows(table, {40, 240, 440});
  for (const int y : {10, 70, 250}) drawn.horizontal(y, 20, 620);
  check_reads(drawn, table);
}

TEST_CASE("rules reader: a missing segment in a ruled header is a span") {
  DrawnTable drawn(640, 340);
  for (const int y : {10, 130, 190, 250, 310}) drawn.horizontal(y, 20, 620);
  drawn.horizontal(70, 220, 620);
  for (const int x : {20, 220, 620}) drawn.vertical(x, 10, 310);
  drawn.vertical(420, 70, 310);
  drawn.text(40, 50, "Fruit");
  drawn.text(350, 50, "Harvest");
  std::vector<Texts> below = kHarvest;
  below[0][0].clear();
  drawn.rows(below, {40, 240, 440}, 110);
  std::vector<Texts> expected = below;
  expected.insert(expected.begin(), {"Fruit", "Harvest", ""});
  check_reads(drawn, expected);
  const TableReading reading = drawn.read();
  CHECK(reading.table->cells[0].row_span == 2);
  CHECK(reading.table->cells[1].column_span == 2);
  CHECK(reading.text.find("colspan=\"2\"") != std::string::npos);
}

TEST_CASE("rules reader: light text on a dark header") {
  DrawnTable drawn(640, 280);
  cv::rectangle(drawn.rgb, {0, 10}, {639, 70}, cv::Scalar(30, 60, 110), cv::FILLED);
  for (size_t c = 0; c < 3; ++c)
    drawn.text(40 + 200 * static_cast<int>(c), 50, kHarvest[0][c], 255);
  drawn.rows({kHarvest.begin() + 1, kHarvest.end()}, {40, 240, 440}, 110);
  check_reads(drawn, kHarvest);
}

TEST_CASE("rules reader: several lines of text in a ruled cell") {
  DrawnTable drawn(640, 340);
  for (const int y : {10, 70, 170, 230, 290}) drawn.horizontal(y, 20, 620);
  for (const int x : {20, 220, 420, 620}) drawn.vertical(x, 10, 290);
  drawn.rows({kHarvest[0]}, {40, 240, 440});
  drawn.text(40, 110, "Apple");
  drawn.text(40, 150, "green");
  drawn.text(240, 110, "1204");
  drawn.text(440, 110, "588");
  drawn.rows({kHarvest[2], kHarvest[3]}, {40, 240, 440}, 210);
  std::vector<Texts> expected = kHarvest;
  expected[1][0] = "Apple green";
  check_reads(drawn, expected);
}

TEST_CASE("rules reader: pictures without a table") {
  CHECK(!DrawnTable(300, 200).read().table);
  CHECK(DrawnTable(300, 200).read().text.empty());
  CHECK(!DrawnTable(1, 1).read().table);
  CHECK(!DrawnTable(3000, 1).read().table);
  DrawnTable black(200, 200);
  black.rgb.setTo(cv::Scalar::all(0));
  CHECK(!black.read().table);
  DrawnTable lines(300, 200);  // rules and no text
  for (const int y : {20, 100, 180}) lines.horizontal(y, 10, 290);
  CHECK(!lines.read().table);
}

TEST_CASE("rules reader: noise is never fatal") {
  DrawnTable noise(400, 300);
  cv::RNG random(5);
  random.fill(noise.rgb, cv::RNG::UNIFORM, 0, 256);
  CHECK_NOTHROW(noise.read());
}

TEST_CASE("rules reader: refuses what is no picture") {
  RulesReader reader;
  CHECK(reader.name().rfind("tesseract-rules ", 0) == 0);
  const Tensor image = at::zeros({4, 4}, at::kByte);
  CHECK_THROWS_AS(reader.read(std::span(&image, 1)), c10::Error);
}

}  // namespace nvlm::eval

#endif  // NVLM_IMAGE_FILES
