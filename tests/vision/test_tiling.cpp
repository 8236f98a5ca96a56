#include <fstream>
#include <sstream>
#include <stdexcept>

#include "common/json.h"
#include "common/random.h"
#include "tests/vision/support.h"
#include "vision/preprocessor.h"
#include "vision/resize.h"
#include "vision/tile_features.h"
#include "vision/tiling.h"

namespace nvlm::vision {
namespace {

/// A line of numbers separated by commas.
std::vector<int64_t> numbers(const std::string& line) {
  std::vector<int64_t> values;
  std::stringstream stream(line);
  for (std::string field; std::getline(stream, field, ',');) values.push_back(std::stoll(field));
  return values;
}

/// Puts the regular tiles back together: [rows * size, columns * size, 3].
Tensor reassemble(const Tensor& tiles, const ImageLayout& layout) {
  const int64_t size = tiles.size(1);
  return tiles.narrow(0, 0, layout.rows * layout.columns)
      .view({layout.rows, layout.columns, size, size, 3})
      .transpose(1, 2)
      .reshape({layout.rows * size, layout.columns * size, 3});
}

TEST_CASE("grids of the reference, 500 sizes in 5 settings") {
  std::ifstream file(test::golden("10b_image_tiles448") / "grids.csv");
  std::string line;
  std::getline(file, line);
  int rows = 0, wrong = 0;
  while (std::getline(file, line)) {
    const std::vector<int64_t> row = numbers(line);
    REQUIRE(row.size() == 8);
    const ImageLayout layout =
        choose_layout(row[0], row[1], {row[2], row[3], row[4], /*use_thumbnail=*/true});
    if (layout.columns != row[5] || layout.rows != row[6] || layout.num_tiles() != row[7]) {
      ++wrong;
      MESSAGE(line << ": chose " << layout.columns << " x " << layout.rows);
    }
    ++rows;
  }
  CHECK(rows == 2500);
  CHECK(wrong == 0);
}

TEST_CASE("roles: regular tiles first, the thumbnail last, alone for a single tile") {
  const ImageLayout grid{2, 3, true};
  CHECK(grid.num_regular() == 6);
  CHECK(grid.num_tiles() == 7);
  CHECK(grid.role(5) == TileRole::kRegular);
  CHECK(grid.role(6) == TileRole::kThumbnail);
  CHECK_THROWS_AS(grid.role(7), c10::Error);
  const ImageLayout single{1, 1, true};
  CHECK(single.num_regular() == 0);
  CHECK(single.num_tiles() == 1);
  CHECK(single.role(0) == TileRole::kThumbnail);
  const ImageLayout plain{1, 1, false};
  CHECK(plain.num_regular() == 1);
  CHECK(plain.num_tiles() == 1);
  CHECK(plain.role(0) == TileRole::kRegular);
}

TEST_CASE("tiling covers every pixel once") {
  Random random(3);
  at::manual_seed(3);
  for (int round = 0; round < 30; ++round) {
    TilingConfig config;
    config.tile_size = random.integer(1, 24);
    config.max_tiles = random.integer(1, 12);
    config.use_thumbnail = random.chance(0.5);
    const Tensor image = test::random_picture(random.integer(1, 90), random.integer(1, 90));
    CAPTURE(round);
    const TiledImage cut = cut_tiles(image, config);
    const int64_t height = cut.layout.rows * config.tile_size;
    const int64_t width = cut.layout.columns * config.tile_size;
    CHECK(cut.tiles.size(0) == cut.layout.num_tiles());
    test::check_levels(reassemble(cut.tiles, cut.layout), resize_bicubic(image, height, width));
    if (cut.layout.has_thumbnail) {
      test::check_levels(cut.tiles[cut.layout.num_tiles() - 1],
                         resize_bicubic(image, config.tile_size, config.tile_size));
    }
  }
}

TEST_CASE("a picture as large as its grid is cut without a change") {
  const Tensor image = test::random_picture(2 * 16, 3 * 16);
  const TiledImage cut = cut_tiles(image, {16, 1, 6, true});
  CHECK(cut.layout.columns == 3);
  CHECK(cut.layout.rows == 2);
  test::check_levels(reassemble(cut.tiles, cut.layout), image);
  test::check_levels(cut.tiles[4], image.narrow(0, 16, 16).narrow(1, 16, 16));
}

TEST_CASE("pictures of one pixel and of 20000 x 20") {
  CHECK(cut_tiles(test::random_picture(1, 1), {}).tiles.sizes() ==
        at::IntArrayRef({1, 448, 448, 3}));
  const TiledImage wide = cut_tiles(test::random_picture(20, 20000), {64, 1, 6, true});
  CHECK(wide.layout.columns == 6);
  CHECK(wide.tiles.size(0) == 7);
}

TEST_CASE("impossible tilings are refused") {
  CHECK_THROWS_AS(choose_layout(0, 5, {}), std::invalid_argument);
  CHECK_THROWS_AS(choose_layout(5, 5, {448, 0, 6, true}), std::invalid_argument);
  CHECK_THROWS_AS(choose_layout(5, 5, {448, 4, 3, true}), std::invalid_argument);
  CHECK_THROWS_AS(choose_layout(5, 5, {0, 1, 6, true}), std::invalid_argument);
}

TEST_CASE("tiles of the reference, bit for bit, from decoded pictures") {
  const auto decoded = test::open_golden("10a_image_tiles64", "decoded.safetensors");
  const auto expected = test::open_golden("10a_image_tiles64", "expected.safetensors");
  int compared = 0;
  for (const auto& [key, entry] : decoded.entries()) {
    const std::string picture = key.substr(0, key.rfind(".rgb"));
    for (const int64_t most : {6, 12}) {
      const std::string tiles = picture + ".max" + std::to_string(most) + ".tiles";
      if (!expected.contains(tiles)) continue;
      CAPTURE(tiles);
      const TiledImage cut = cut_tiles(decoded.tensor(key), {64, 1, most, true});
      test::check_levels(cut.tiles, expected.tensor(tiles));
      ++compared;
    }
  }
  CHECK(compared >= 7);
}

TEST_CASE("normalised pixels of the reference") {
  const auto expected = test::open_golden("10a_image_tiles64", "expected.safetensors");
  for (const std::string picture : {"landscape", "rgba"}) {
    const Tensor actual = normalise_tiles(expected.tensor(picture + ".max6.tiles"));
    test::check_close(actual, expected.tensor(picture + ".max6.pixel_values"), {1e-6, 0});
  }
}

TEST_CASE("references of tiles follow samples, pictures and tiles; where keeps order") {
  const std::vector<std::vector<ImageLayout>> layouts{
      {{2, 1, true}}, {}, {{1, 1, true}, {1, 2, false}}};
  const std::vector<TileRef> refs = tile_refs(layouts);
  REQUIRE(refs.size() == 6);
  CHECK(refs[2].role == TileRole::kThumbnail);
  CHECK(refs[3].sample == 2);
  CHECK(refs[3].role == TileRole::kThumbnail);
  CHECK(refs[5].image == 1);
  CHECK(refs[5].tile == 1);

  const TileFeatures features{at::arange(6 * 2 * 3, at::kFloat).view({6, 2, 3}), refs};
  const TileFeatures thumbnails = features.where(TileRole::kThumbnail);
  CHECK(thumbnails.num_tiles() == 2);
  test::check_close(thumbnails.tokens, features.tokens.index_select(0, at::tensor({2L, 3L})));
  const TileFeatures regular = features.where(TileRole::kRegular);
  CHECK(regular.num_tiles() == 4);
  CHECK(regular.where(TileRole::kThumbnail).tokens.sizes() == at::IntArrayRef({0, 2, 3}));
  CHECK(TileFeatures{}.where(TileRole::kRegular).num_tiles() == 0);
  CHECK_THROWS_AS((TileFeatures{at::zeros({2, 1, 1}), refs}.where(TileRole::kRegular)), c10::Error);
}

TEST_CASE("fewer tiles at most means no more at least") {
  const TilingConfig config{.tile_size = 32, .min_tiles = 4, .max_tiles = 6};
  const TilingConfig fewer = with_max_tiles(config, 2);
  CHECK(fewer.min_tiles == 2);
  CHECK(fewer.max_tiles == 2);
  const TilingConfig more = with_max_tiles(config, 12);
  CHECK(more.min_tiles == 4);
  CHECK(more.max_tiles == 12);
  CHECK(choose_layout(50, 50, config).num_regular() == 4);
}

TEST_CASE("preprocessor configuration: published files, round trip, bad fields") {
  const PreprocessorConfig published = preprocessor_config_from_json(
      read_json(test::golden("06a_internvit_300m") / "preprocessor_config.json"));
  CHECK(published.tiling.tile_size == 84);
  CHECK(published.mean == kImageNetMean);

  PreprocessorConfig config;
  config.tiling = {224, 2, 9, false};
  config.mean = {0.1, 0.2, 0.3};
  const PreprocessorConfig again =
      preprocessor_config_from_json(Json::parse(to_json(config).dump()));
  CHECK(again.tiling.tile_size == 224);
  CHECK(again.tiling.min_tiles == 2);
  CHECK(again.tiling.max_tiles == 9);
  CHECK_FALSE(again.tiling.use_thumbnail);
  CHECK(again.mean == config.mean);
  CHECK(again.deviation == config.deviation);

  CHECK(
      preprocessor_config_from_json({{"size", {{"height", 96}, {"width", 96}}}}).tiling.tile_size ==
      96);
  const TilingConfig chat = tiling_from_model_config(
      read_json(test::golden("07b_nvlm_d") / "config.json"), TilingConfig{});
  CHECK(chat.tile_size == 84);
  CHECK(chat.max_tiles == 6);
  for (const Json& bad :
       {Json{{"size", 0}}, Json{{"size", "big"}}, Json{{"size", 84}, {"resample", 2}},
        Json{{"size", 84}, {"image_mean", {1.0, 2.0}}}, Json{{"size", 1000000}},
        Json{{"size", 84}, {"image_std", {0.0, 1.0, 1.0}}}, Json::array(), Json{{"other", 1}},
        Json{{"size", {{"height", 96}, {"width", 95}}}},
        Json{{"size", 84}, {"do_normalize", false}},
        Json{{"size", 84}, {"max_dynamic_patch", -1}}}) {
    CAPTURE(bad.dump());
    CHECK_THROWS_AS(preprocessor_config_from_json(bad), std::exception);
  }
}

TEST_CASE("preprocess gives the encoder's input") {
  const Tensor image = test::random_picture(40, 90);
  PreprocessorConfig config;
  config.tiling.tile_size = 32;
  const PreprocessedImage ready = preprocess(image, config);
  CHECK(ready.pixel_values.sizes() == at::IntArrayRef({ready.layout.num_tiles(), 3, 32, 32}));
  const TiledImage cut = cut_tiles(image, config.tiling);
  const Tensor scaled = cut.tiles.permute({0, 3, 1, 2}).to(at::kFloat) / 255.0F;
  const Tensor mean = at::tensor({0.485F, 0.456F, 0.406F}).view({3, 1, 1});
  const Tensor deviation = at::tensor({0.229F, 0.224F, 0.225F}).view({3, 1, 1});
  test::check_close(ready.pixel_values, (scaled - mean) / deviation, {1e-6, 0});
}

}  // namespace
}  // namespace nvlm::vision
