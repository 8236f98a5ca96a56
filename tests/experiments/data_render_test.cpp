// Pictures of tables and text, labels, data sets on disk.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "common/atomic_file.h"
#include "common/json.h"
#include "experiments/data/charset.h"
#include "experiments/data/dataset_writer.h"
#include "experiments/data/degradation.h"
#include "experiments/data/glyph_labels.h"
#include "experiments/data/table_generator.h"
#include "experiments/data/table_renderer.h"
#include "experiments/data/text_image.h"
#include "experiments/data/utf8.h"
#include "tests/support/temp_dir.h"
#include "vision/image.h"

namespace nvlm::experiments {
namespace {

namespace fs = std::filesystem;

Glyph data_glyph(char32_t character, float x, float y, int64_t offset) {
  Glyph glyph;
  glyph.character = character;
  glyph.x = x, glyph.y = y;
  glyph.answer_offset = offset;
  return glyph;
}

/// Grey levels of a picture, [height, width], float.
Tensor data_grey(const Tensor& image) { return image.to(at::kFloat).mean(2); }

/// Largest difference from the picture's median within a box around a point.
double data_ink_near(const Tensor& grey, double median, const Glyph& glyph) {
  const auto clamp = [](double v, int64_t limit) {
    return std::clamp<int64_t>(static_cast<int64_t>(v), 0, limit);
  };
  const int64_t top = clamp(glyph.y - glyph.height / 2, grey.size(0) - 1);
  const int64_t bottom = clamp(glyph.y + glyph.height / 2, grey.size(0) - 1);
  const int64_t left = clamp(glyph.x - glyph.width / 2, grey.size(1) - 1);
  const int64_t right = clamp(glyph.x + glyph.width / 2, grey.size(1) - 1);
  const Tensor box = grey.slice(0, top, bottom + 1).slice(1, left, right + 1);
  return (box - median).abs().max().item<double>();
}

void data_check_answer(const std::vector<Glyph>& glyphs, const std::string& answer) {
  const std::u32string points = code_points(answer);
  std::map<int64_t, int64_t> seen;
  for (const Glyph& glyph : glyphs) {
    REQUIRE(glyph.answer_offset >= 0);
    REQUIRE(glyph.answer_offset < static_cast<int64_t>(points.size()));
    CHECK(points[static_cast<size_t>(glyph.answer_offset)] == glyph.character);
    ++seen[glyph.answer_offset];
  }
  for (const auto& [offset, count] : seen) CHECK(count == 1);
}

}  // namespace

TEST_CASE("data: every visible character of a table has one glyph where its ink is") {
  for (const char* name : {"easy", "medium", "hard"}) {
    const TableDifficulty difficulty = difficulty_preset(name);
    for (uint64_t index = 0; index < 40; ++index) {
      CAPTURE(name);
      CAPTURE(index);
      Random random(5, index);
      const TableSpec spec = generate_table(random, difficulty);
      const RenderedTable table = render_table(spec, difficulty, random);
      CHECK(table.markdown == to_markdown(spec));
      CHECK(table.html == to_html(spec));
      CHECK(table.rows == spec.rows);
      CHECK(table.columns == spec.columns);
      CHECK(table.answer == to_answer(spec));
      data_check_answer(table.glyphs, table.answer);
      size_t visible = 0;
      for (const TableCell& cell : spec.cells) {
        for (const char32_t c : code_points(cell.text)) visible += c != U' ' && c != U'\n';
      }
      CHECK(table.glyphs.size() == visible);

      const Tensor grey = data_grey(table.image);
      const double median = grey.median().item<double>();
      int64_t without_ink = 0;
      for (const Glyph& glyph : table.glyphs) {
        CHECK(glyph.x > 0);
        CHECK(glyph.y > 0);
        CHECK(glyph.x < static_cast<float>(table.image.size(1)));
        CHECK(glyph.y < static_cast<float>(table.image.size(0)));
        CHECK(glyph.width > 0);
        without_ink += data_ink_near(grey, median, glyph) < (name[0] == 'e' ? 60 : 12);
      }
      CHECK(without_ink == 0);
    }
  }
}

TEST_CASE("data: glyphs follow a strong skew") {
  TableDifficulty difficulty = easy();
  difficulty.degradation.chance = 1;
  difficulty.degradation.skew_degrees = 20;
  for (uint64_t index = 0; index < 20; ++index) {
    CAPTURE(index);
    const RenderedTable table = render_table_sample(difficulty, 6, index);
    const Tensor grey = data_grey(table.image);
    const double median = grey.median().item<double>();
    for (Glyph glyph : table.glyphs) {
      if (glyph.character == U'.' || glyph.character == U',' || glyph.character == U'_') continue;
      CAPTURE(to_utf8(glyph.character));
      glyph.height *= 0.75F;
      glyph.width = std::max(glyph.width * 0.8F, 4.0F);
      CHECK(data_ink_near(grey, median, glyph) > 60);
    }
  }
}

TEST_CASE("data: the same seed gives the same pixels, another gives others") {
  for (const char* name : {"easy", "medium", "hard"}) {
    const TableDifficulty difficulty = difficulty_preset(name);
    for (uint64_t index = 0; index < 6; ++index) {
      const RenderedTable once = render_table_sample(difficulty, 7, index);
      render_table_sample(difficulty, 8, index);  // leaves no trace
      CHECK(at::equal(once.image, render_table_sample(difficulty, 7, index).image));
      CHECK_FALSE(at::equal(once.image, render_table_sample(difficulty, 8, index).image));
    }
    Random first(9), second(9);
    const RenderedText once = render_text_block(first, 224, 224, difficulty);
    const RenderedText twice = render_text_block(second, 224, 224, difficulty);
    CHECK(at::equal(once.image, twice.image));
    CHECK(once.text == twice.text);
  }
}

TEST_CASE("data: footnote marks are small, raised, and located there") {
  TableSpec table;
  table.rows = table.columns = 1;
  table.cells.resize(1);
  table.cells[0].text = "HHH1";
  table.cells[0].raised = 1;
  for (uint64_t index = 0; index < 10; ++index) {
    CAPTURE(index);
    Random random(12, index);
    const RenderedTable rendered = render_table(table, easy(), random);
    REQUIRE(rendered.glyphs.size() == 4);
    const Glyph &letter = rendered.glyphs[2], &mark = rendered.glyphs[3];
    CHECK(mark.y < letter.y - 0.1F * letter.height);
    CHECK(mark.height < 0.85F * letter.height);
    // The middle of the mark's ink, against the glyph's centre.
    const Tensor grey = data_grey(rendered.image);
    const auto left = static_cast<int64_t>(mark.x - mark.width / 2);
    const auto top = static_cast<int64_t>(mark.y - mark.height / 2) + 1;
    const auto bottom = static_cast<int64_t>(mark.y + mark.height / 2);
    const Tensor ink =
        255 -
        grey.slice(0, top, bottom).slice(1, left + 1, left + 1 + static_cast<int64_t>(mark.width));
    const Tensor rows = std::get<0>(ink.max(1));
    const Tensor dark = (rows > 0.5 * (rows.max() + rows.min())).nonzero().to(at::kFloat);
    CHECK(std::abs(dark.mean().item<double>() + 0.5 + static_cast<double>(top) - mark.y) < 1.6);
  }
}

TEST_CASE("data: a missing font family is named, with its package") {
  TableDifficulty difficulty = easy();
  difficulty.fonts = {"Liberation Gothic"};
  CHECK_THROWS_WITH_AS(render_table_sample(difficulty, 1, 0),
                       "data.fonts: the font family 'Liberation Gothic' is not installed (Debian "
                       "package fonts-liberation)",
                       std::runtime_error);
}

TEST_CASE("data: text pictures have the asked size and many glyphs in their place") {
  for (const char* name : {"easy", "medium", "hard"}) {
    CAPTURE(name);
    size_t glyphs = 0;
    for (uint64_t index = 0; index < 20; ++index) {
      Random random(10, index);
      const RenderedText text = render_text_block(random, 224, 200, difficulty_preset(name));
      CHECK(text.image.sizes() == at::IntArrayRef({200, 224, 3}));
      data_check_answer(text.glyphs, text.text);
      for (const Glyph& glyph : text.glyphs) {
        CHECK(glyph.x >= 0);
        CHECK(glyph.x < 224);
        CHECK(glyph.y >= 0);
        CHECK(glyph.y < 200);
      }
      glyphs += text.glyphs.size();
    }
    CHECK(glyphs > 20 * 80);
  }
  Random random(1);
  CHECK_THROWS_AS(render_text_block(random, 0, 224, easy()), std::invalid_argument);
}

TEST_CASE("data: labels of a hand-made picture") {
  // 40 x 20 pixels on a grid of 2 x 1 tiles of 20, patches of 10: no scaling in the regular tiles.
  const std::vector<Glyph> glyphs = {
      data_glyph(U'b', 9, 5, 3),    data_glyph(U'a', 1, 5, 2),  // out of order in patch 0
      data_glyph(U'c', 19, 19, 6),                              // tile 0, patch 3
      data_glyph(U'd', 20, 0, 7),                               // tile 1, patch 0
      data_glyph(U'1', 31, 11, 8),  data_glyph(U'2', 33, 11, 9),
      data_glyph(U'3', 35, 11, 10), data_glyph(U'4', 37, 11, 11),  // four in tile 1, patch 3
      data_glyph(U'x', 40, 5, 12)};                                // outside
  vision::ImageLayout layout;
  layout.columns = 2;
  const Tensor labels = glyph_labels(glyphs, 40, 20, layout, 20, 10);
  Tensor expected = at::zeros({3, 4, 3}, at::kLong);
  const auto set = [&](int64_t tile, int64_t patch, const char* text) {
    for (int64_t k = 0; text[k]; ++k) {
      expected[tile][patch][k] = character_class(static_cast<char32_t>(text[k]));
    }
  };
  set(0, 0, "ab");
  set(0, 3, "c");
  set(1, 0, "d");
  set(1, 3, "123");
  set(2, 0, "ab");  // thumbnail: half the width
  set(2, 1, "d");
  set(2, 2, "c");
  set(2, 3, "123");
  CHECK(at::equal(labels, expected));

  const auto locations = answer_locations(glyphs, 40, 20, layout, 20, 10);
  REQUIRE(locations.size() == 8);
  CHECK(locations[0].answer_offset == 2);
  CHECK(locations[2].answer_offset == 6);
  CHECK(locations[2].tile == 0);
  CHECK(locations[2].patch_row == 1);
  CHECK(locations[2].patch_column == 1);
  CHECK(locations[3].tile == 1);
  CHECK(locations[3].patch_column == 0);

  const vision::ImageLayout single;  // the thumbnail is the only tile
  CHECK(glyph_labels(glyphs, 40, 20, single, 20, 10).sizes() == at::IntArrayRef({1, 4, 3}));
  CHECK(answer_locations(glyphs, 40, 20, single, 20, 10)[3].tile == 0);
  CHECK_THROWS_WITH_AS(glyph_labels(glyphs, 40, 20, layout, 20, 7),
                       "data.labels: patch size 7 does not divide tile size 20",
                       std::invalid_argument);
}

TEST_CASE("data: skew maps points as it moves pixels") {
  cv::Mat image(60, 100, CV_8UC3, cv::Scalar(255, 255, 255));
  image(cv::Rect(80, 10, 3, 3)).setTo(cv::Scalar(0, 0, 0));  // its centre is (81.5, 11.5)
  const AffineMap map = skew(image, 30, cv::Scalar(255, 255, 255), SkewCanvas::kGrow);
  double weight = 0, x = 0, y = 0;
  for (int row = 0; row < image.rows; ++row) {
    for (int column = 0; column < image.cols; ++column) {
      const double ink = 255 - image.at<cv::Vec3b>(row, column)[0];
      weight += ink, x += ink * (column + 0.5), y += ink * (row + 0.5);
    }
  }
  const cv::Point2d expected = map(81.5, 11.5);
  CHECK(x / weight == doctest::Approx(expected.x).epsilon(0.002));
  CHECK(y / weight == doctest::Approx(expected.y).epsilon(0.002));
}

TEST_CASE("data: JPEG-like damage is small at high quality and grows") {
  const RenderedTable table = render_table_sample(easy(), 11, 0);
  const Tensor original = table.image.to(at::kFloat);
  double previous = 0;
  for (const int64_t quality : {95, 60, 20}) {
    Tensor copy = table.image.clone();
    cv::Mat image(static_cast<int>(copy.size(0)), static_cast<int>(copy.size(1)), CV_8UC3,
                  copy.data_ptr<uint8_t>());
    cv::Mat damaged = image.clone();
    jpeg_like(damaged, quality);
    REQUIRE(damaged.size() == image.size());
    damaged.copyTo(image);
    const double error = (copy.to(at::kFloat) - original).abs().mean().item<double>();
    CHECK(error > previous);
    CHECK(error < 12);
    previous = error;
  }
}

TEST_CASE("data: data sets on disk") {
  const test::TempDir folder;
  write_dataset(folder.path(), medium(), 7, 3);
  std::ifstream index(folder.path() / "index.jsonl");
  int64_t items = 0;
  for (std::string line; std::getline(index, line); ++items) {
    const Json item = Json::parse(line);
    CHECK(item["id"] == dataset_item_id(medium(), 7, items));
    const RenderedTable table = render_table_sample(medium(), 7, static_cast<uint64_t>(items));
    const Tensor image = vision::read_image(folder.path() / item["image"].get<std::string>());
    CHECK(at::equal(image, table.image));
    CHECK(item["width"] == image.size(1));
    CHECK(item["height"] == image.size(0));
    CHECK(read_text_file(folder.path() / item["md"].get<std::string>()) == table.markdown + "\n");
    CHECK(read_text_file(folder.path() / item["html"].get<std::string>()) == table.html + "\n");
    CHECK(item["n_rows"] == table.rows);
    CHECK(item["n_cols"] == table.columns);
    CHECK(item["n_cells"] == table.cells);
    CHECK(item["has_spans"] == table.has_spans);
    CHECK(item["borders"] == table.borders);
    const auto [lowest, highest] =
        std::minmax_element(table.glyphs.begin(), table.glyphs.end(),
                            [](const Glyph& a, const Glyph& b) { return a.height < b.height; });
    CHECK(item["glyph_height"].get<double>() >= static_cast<double>(lowest->height) - 0.05);
    CHECK(item["glyph_height"].get<double>() <= static_cast<double>(highest->height) + 0.05);
    CHECK(item["seed"] == 7);
    CHECK(item["difficulty"] == "medium");
  }
  CHECK(items == 3);

  SUBCASE("a killed call is continued, with the same bytes") {
    const std::string before = read_text_file(folder.path() / "index.jsonl");
    fs::remove(folder.path() / "index.jsonl");
    fs::remove(folder.path() / "gt/medium-7-00001.md");
    const auto kept = fs::last_write_time(folder.path() / "images/medium-7-00000.png");
    write_dataset(folder.path(), medium(), 7, 3);
    CHECK(read_text_file(folder.path() / "index.jsonl") == before);
    CHECK(fs::exists(folder.path() / "gt/medium-7-00001.md"));
    CHECK(fs::last_write_time(folder.path() / "images/medium-7-00000.png") == kept);
  }
  SUBCASE("another seed or a foreign folder is refused") {
    CHECK_THROWS_AS(write_dataset(folder.path(), medium(), 8, 3), std::runtime_error);
    CHECK_THROWS_AS(write_dataset(folder.path(), hard(), 7, 3), std::runtime_error);
    fs::remove(folder.path() / "dataset.json");
    CHECK_THROWS_AS(write_dataset(folder.path(), medium(), 7, 3), std::runtime_error);
    CHECK_THROWS_AS(write_dataset(folder.path(), medium(), 7, 0), std::invalid_argument);
  }
}

}  // namespace nvlm::experiments
