#include "vision/tiling.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "common/check.h"
#include "vision/resize.h"

namespace nvlm::vision {
namespace {

void check_tiling(int64_t width, int64_t height, const TilingConfig& config) {
  if (width < 1 || height < 1) {
    throw std::invalid_argument("tiling: a picture of " + std::to_string(width) + " x " +
                                std::to_string(height) + " pixels, expected at least 1 x 1");
  }
  if (config.tile_size < 1) {
    throw std::invalid_argument("tiling: tile_size is " + std::to_string(config.tile_size) +
                                ", expected at least 1");
  }
  if (config.min_tiles < 1 || config.max_tiles < config.min_tiles) {
    throw std::invalid_argument("tiling: from " + std::to_string(config.min_tiles) + " to " +
                                std::to_string(config.max_tiles) +
                                " tiles, expected 1 <= min_tiles <= max_tiles");
  }
}

}  // namespace

TilingConfig with_max_tiles(TilingConfig config, int64_t max_tiles) {
  config.max_tiles = max_tiles;
  config.min_tiles = std::min(config.min_tiles, max_tiles);
  return config;
}

int64_t ImageLayout::num_regular() const {
  const int64_t cells = columns * rows;
  return cells == 1 && has_thumbnail ? 0 : cells;
}

int64_t ImageLayout::num_tiles() const { return num_regular() + (has_thumbnail ? 1 : 0); }

TileRole ImageLayout::role(int64_t tile) const {
  TORCH_CHECK(tile >= 0 && tile < num_tiles(), "tiling: tile ", tile, " of a picture with ",
              num_tiles(), " tiles");
  return tile < num_regular() ? TileRole::kRegular : TileRole::kThumbnail;
}

ImageLayout choose_layout(int64_t width, int64_t height, const TilingConfig& config) {
  check_tiling(width, height, config);
  const double aspect = static_cast<double>(width) / static_cast<double>(height);
  const double area = static_cast<double>(width) * static_cast<double>(height);
  const auto tile_area = static_cast<double>(config.tile_size * config.tile_size);
  ImageLayout best;
  best.has_thumbnail = config.use_thumbnail;
  double best_difference = HUGE_VAL;
  // In ascending number of cells: of two grids that are equally near, the larger wins if the
  // picture has more than half of its pixels.
  for (int64_t cells = config.min_tiles; cells <= config.max_tiles; ++cells) {
    for (int64_t columns = 1; columns <= cells; ++columns) {
      if (cells % columns != 0) continue;
      const int64_t rows = cells / columns;
      const double difference =
          std::abs(aspect - static_cast<double>(columns) / static_cast<double>(rows));
      const bool wins_tie =
          difference == best_difference && area > 0.5 * tile_area * static_cast<double>(cells);
      if (difference < best_difference || wins_tie) {
        best_difference = difference;
        best.columns = columns;
        best.rows = rows;
      }
    }
  }
  return best;
}

TiledImage cut_tiles(const Tensor& image, const TilingConfig& config) {
  expect_dtype(image, at::kByte, "cut_tiles: image");
  expect_shape(image, {-1, -1, 3}, "cut_tiles: image");
  TiledImage result;
  result.layout = choose_layout(image.size(1), image.size(0), config);
  const int64_t columns = result.layout.columns, rows = result.layout.rows;
  const int64_t size = config.tile_size;
  result.tiles = resize_bicubic(image, rows * size, columns * size)
                     .view({rows, size, columns, size, 3})
                     .transpose(1, 2)
                     .reshape({rows * columns, size, size, 3});
  if (result.layout.num_tiles() > rows * columns) {
    const Tensor thumbnail = resize_bicubic(image, size, size);
    result.tiles = at::cat({result.tiles, thumbnail.unsqueeze(0)});
  }
  return result;
}

Tensor normalise_tiles(const Tensor& tiles, const std::array<double, 3>& mean,
                       const std::array<double, 3>& deviation) {
  expect_dtype(tiles, at::kByte, "normalise_tiles: tiles");
  expect_shape(tiles, {-1, -1, -1, 3}, "normalise_tiles: tiles");
  // Only 256 values can occur for each channel: compute each once.
  std::array<std::array<float, 256>, 3> table;
  for (size_t channel = 0; channel < 3; ++channel) {
    for (size_t value = 0; value < 256; ++value) {
      const float rescaled = static_cast<float>(value) / 255.0F;
      table[channel][value] =
          (rescaled - static_cast<float>(mean[channel])) / static_cast<float>(deviation[channel]);
    }
  }
  const Tensor source = tiles.cpu().contiguous();
  Tensor result = at::empty({source.size(0), 3, source.size(1), source.size(2)}, at::kFloat);
  const int64_t pixels = source.size(1) * source.size(2);
  const auto* in = source.const_data_ptr<uint8_t>();
  auto* out = result.mutable_data_ptr<float>();
  for (int64_t tile = 0; tile < source.size(0); ++tile, in += 3 * pixels, out += 3 * pixels) {
    for (int64_t pixel = 0; pixel < pixels; ++pixel) {
      out[pixel] = table[0][in[3 * pixel]];
      out[pixels + pixel] = table[1][in[3 * pixel + 1]];
      out[2 * pixels + pixel] = table[2][in[3 * pixel + 2]];
    }
  }
  return result;
}

}  // namespace nvlm::vision
