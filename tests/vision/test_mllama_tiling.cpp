// Llama 3.2 Vision's pictures: grids and sizes by hand, padding, bilinear resampling.
#include <cmath>
#include <stdexcept>
#include <string>

#include "common/random.h"
#include "tests/vision/support.h"
#include "vision/mllama_tiling.h"
#include "vision/resize.h"

namespace nvlm::vision {
namespace {

TEST_CASE("mllama: grids stand in the published order") {
  const std::vector<TileGrid> published = {{1, 1}, {1, 2}, {1, 3}, {1, 4},
                                           {2, 1}, {2, 2}, {3, 1}, {4, 1}};
  CHECK((mllama_grids(4) == published));
  CHECK((mllama_grids(1) == std::vector<TileGrid>{{1, 1}}));
}

struct Placed {
  int64_t id, height, width;

  bool operator==(const Placed&) const = default;
};

Placed placed(int64_t width, int64_t height) {
  const MllamaPlacement place = place_mllama_image(width, height, {});  // tiles of 560 pixels
  CHECK((place.grid == mllama_grids(4)[static_cast<size_t>(place.aspect_ratio_id - 1)]));
  return {place.aspect_ratio_id, place.height, place.width};
}

TEST_CASE("mllama: the grid that enlarges least, else shrinks least, then the smallest") {
  // Every grid enlarges 5.6 times; one tile is the smallest.
  CHECK((placed(100, 100) == Placed{1, 560, 560}));
  // 1x2 and 2x2 allow 1.12, 1x3 1.68, 1x4 1.87; a picture at least a tile wide keeps its size.
  CHECK((placed(1000, 300) == Placed{2, 300, 1000}));
  CHECK((placed(300, 1000) == Placed{5, 1000, 300}));
  CHECK((placed(560, 560) == Placed{1, 560, 560}));
  // One pixel more, and one tile would shrink it: 2x2 allows 1.996, 1x2 less than 1.
  CHECK((placed(561, 561) == Placed{6, 561, 561}));
  CHECK((placed(3000, 3000) == Placed{6, 1120, 1120}));
  CHECK((placed(5000, 10) == Placed{4, 4, 2240}));  // 10 * 0.448, rounded down
  CHECK((placed(20000, 1) == Placed{4, 1, 2240}));  // 0.112 rounds down to 0, but 1 is the least
  CHECK((placed(10, 5000) == Placed{8, 2240, 4}));
  for (const auto& [width, height] : {std::pair{0, 5}, {5, 0}, {-1, 5}}) {
    CHECK_THROWS_AS(place_mllama_image(width, height, {}), std::invalid_argument);
  }
}

TEST_CASE("mllama: pictures stay within their grid and keep their aspect ratio") {
  Random random(5);
  for (int i = 0; i < 2000; ++i) {
    const int64_t width = random.integer(1, 3000), height = random.integer(1, 3000);
    CAPTURE(width);
    CAPTURE(height);
    const MllamaPreprocessorConfig config{.tile_size = random.integer(1, 600),
                                          .max_tiles = random.integer(1, 12)};
    const MllamaPlacement place = place_mllama_image(width, height, config);
    CHECK(place.grid.num_tiles() <= config.max_tiles);
    CHECK(place.height >= 1);
    CHECK(place.height <= place.grid.rows * config.tile_size);
    CHECK(place.width >= 1);
    CHECK(place.width <= place.grid.columns * config.tile_size);
    const double by_height = static_cast<double>(place.height) / static_cast<double>(height);
    const double by_width = static_cast<double>(place.width) / static_cast<double>(width);
    // One side decides the scale, the other is rounded down; a side of one pixel was kept at it.
    const double scale = std::max(by_height, by_width);
    if (place.height == 1 || place.width == 1) continue;
    CHECK(scale * static_cast<double>(height) - static_cast<double>(place.height) < 1 + 1e-6);
    CHECK(scale * static_cast<double>(width) - static_cast<double>(place.width) < 1 + 1e-6);
  }
}

TEST_CASE("mllama: black padding is normalised, unused tiles are not") {
  const MllamaPreprocessorConfig config{
      .tile_size = 4, .max_tiles = 4, .mean = {0.5, 0.5, 0.25}, .deviation = {0.5, 0.25, 0.25}};
  const MllamaImage image = preprocess_mllama(at::full({2, 8, 3}, 255, at::kByte),
                                              config);  // two tiles, lower half black
  CHECK(image.aspect_ratio_id == 2);
  CHECK(image.num_tiles == 2);
  CHECK(image.pixel_values.sizes() == at::IntArrayRef({4, 3, 4, 4}));
  for (int64_t tile = 0; tile < 2; ++tile) {
    const Tensor upper = image.pixel_values[tile].narrow(1, 0, 2).amax({1, 2});
    const Tensor lower = image.pixel_values[tile].narrow(1, 2, 2).amin({1, 2});
    test::check_close(upper, at::tensor({1.0F, 2.0F, 3.0F}), Tolerance{1e-6, 0});
    test::check_close(lower, at::tensor({-1.0F, -2.0F, -1.0F}), Tolerance{1e-6, 0});
  }
  CHECK(image.pixel_values.narrow(0, 2, 2).abs().max().item<float>() == 0);
  CHECK_THROWS_AS(preprocess_mllama(at::zeros({2, 2, 3}), config), c10::Error);
  CHECK_THROWS_AS(preprocess_mllama(at::zeros({2, 2}, at::kByte), config), c10::Error);
}

TEST_CASE("mllama: tiles are cut row by row") {
  Tensor picture = at::zeros({8, 8, 3}, at::kByte);
  for (int64_t tile = 0; tile < 4; ++tile) {
    picture.narrow(0, tile / 2 * 4, 4).narrow(1, tile % 2 * 4, 4).fill_(60 * tile);
  }
  const MllamaPreprocessorConfig config{
      .tile_size = 4, .max_tiles = 4, .mean = {0, 0, 0}, .deviation = {1, 1, 1}};
  const Tensor pixels = preprocess_mllama(picture, config).pixel_values;
  for (int64_t tile = 0; tile < 4; ++tile) {
    test::check_close(pixels[tile], at::full({3, 4, 4}, static_cast<float>(60 * tile) / 255.0F),
                      Tolerance{1e-6, 0});
  }
}

TEST_CASE("bilinear resampling by hand, antialiased") {
  const auto grey = [](std::vector<int64_t> values) {
    return at::tensor(values, at::kLong).to(at::kByte).view({1, -1, 1}).expand({1, -1, 3});
  };
  // Twice as wide: centres at 1/4, 3/4, 5/4 and 7/4 of the two pixels.
  test::check_levels(resize_bilinear(grey({0, 100}), 1, 4), grey({0, 25, 75, 100}));
  // Half as wide: a triangle of weights 1/4 3/4 3/4 1/4, cut off and made 1/7 3/7 3/7 at an edge.
  test::check_levels(resize_bilinear(grey({10, 20, 90, 200}), 1, 2), grey({26, 127}));
  const Tensor columns = resize_bilinear(grey({10, 20, 90, 200}).transpose(0, 1), 2, 1);
  test::check_levels(columns.transpose(0, 1), resize_bilinear(grey({10, 20, 90, 200}), 1, 2));
  const Tensor picture = test::random_picture(9, 5);
  test::check_levels(resize_bilinear(picture, 9, 5), picture);
}

TEST_CASE("mllama: preprocessor configurations are read, written and refused") {
  const auto published = read_json(test::golden("08_mllama") / "preprocessor_config.json");
  const auto config = mllama_preprocessor_config_from_json(published);
  CHECK(config.tile_size == 42);
  CHECK(config.max_tiles == 4);
  CHECK(to_json(config) == published);

  const auto refused = [&](const char* key, const Json& value, const std::string& message) {
    Json json = published;
    json[key] = value;
    CAPTURE(key);
    std::string what;
    try {
      mllama_preprocessor_config_from_json(json);
    } catch (const std::exception& error) {
      what = error.what();
    }
    CAPTURE(what);
    CHECK(what.find(message) != std::string::npos);
  };
  refused("resample", 3, "'resample' is 3, expected 2 (bilinear)");
  refused("do_pad", false, "'do_pad' is false");
  refused("size", {{"height", 42}, {"width", 43}}, "expected a square");
  refused("size", {{"height", 1 << 20}, {"width", 1 << 20}}, "expected 1 to 16384");
  refused("max_image_tiles", 0, "max_image_tiles is 0, expected 1 to 64");
  refused("max_image_tiles", "four", "expected a whole number");
  refused("image_mean", {0.5, 0.5}, "has 2 entries, expected 3");
  refused("image_std", {0.5, 0.5, 0}, "above 0");
}

}  // namespace
}  // namespace nvlm::vision
