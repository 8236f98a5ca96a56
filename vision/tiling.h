// Dynamic high resolution: a picture becomes a grid of square tiles and a thumbnail.
#pragma once

#include <array>
#include <cstdint>

#include "common/tensor.h"

namespace nvlm::vision {

enum class TileRole { kRegular, kThumbnail };

/// The means and deviations of ImageNet's red, green and blue, in 0..1.
inline constexpr std::array<double, 3> kImageNetMean{0.485, 0.456, 0.406};
inline constexpr std::array<double, 3> kImageNetDeviation{0.229, 0.224, 0.225};

/// How pictures are cut.
struct TilingConfig {
  int64_t tile_size = 448;  // pixels
  int64_t min_tiles = 1;
  int64_t max_tiles = 6;
  bool use_thumbnail = true;
};

/// The same with at most so many tiles; a larger min_tiles gives way.
TilingConfig with_max_tiles(TilingConfig config, int64_t max_tiles);

/// The tiles of one picture: regular tiles row-major, then the thumbnail. A picture of a single
/// tile has only the thumbnail (NVLM-D: it then carries the thumbnail's tag).
struct ImageLayout {
  int64_t columns = 1, rows = 1;
  bool has_thumbnail = true;  // false only when thumbnails are switched off

  int64_t num_regular() const;  // 0 when the thumbnail is the only tile
  int64_t num_tiles() const;    // num_regular() + has_thumbnail
  TileRole role(int64_t tile) const;
};

/// Picks the grid whose aspect ratio is nearest (NVLM §4.1; the code of InternVL's
/// dynamic_preprocess, ties included). width, height in pixels.
/// throws  std::invalid_argument for a picture without pixels or a configuration that allows
/// nothing
ImageLayout choose_layout(int64_t width, int64_t height, const TilingConfig& config);

/// Pixels of one picture, cut.
struct TiledImage {
  Tensor tiles;  // uint8 [tiles, tile_size, tile_size, 3]
  ImageLayout layout;
};

/// Resizes the whole picture to the grid (aspect ratio is not kept), cuts it row-major and puts the
/// thumbnail last. image: uint8 [height, width, 3]
TiledImage cut_tiles(const Tensor& image, const TilingConfig& config);

/// Rescales to 0..1 and normalises with a mean and deviation per channel, by default ImageNet's.
/// tiles: uint8 [tiles, size, size, 3]; returns float32 [tiles, 3, size, size]
Tensor normalise_tiles(const Tensor& tiles, const std::array<double, 3>& mean = kImageNetMean,
                       const std::array<double, 3>& deviation = kImageNetDeviation);

}  // namespace nvlm::vision
