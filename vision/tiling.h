// Dynamic high resolution: a picture becomes a grid of square tiles and a thumbnail.
#pragma once

#include <cstdint>
#include <vector>

#include "common/tensor.h"

namespace nvlm::vision {

enum class TileRole { kRegular, kThumbnail };

/// How pictures are cut.
struct TilingConfig {
  int64_t tile_size = 448;  // pixels
  int64_t min_tiles = 1;
  int64_t max_tiles = 6;
  bool use_thumbnail = true;
};

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
ImageLayout choose_layout(int64_t width, int64_t height, const TilingConfig& config);

/// Pixels of one picture, cut.
struct TiledImage {
  Tensor tiles;  // uint8 [tiles, tile_size, tile_size, 3]
  ImageLayout layout;
};

/// Resizes the whole picture to the grid (aspect ratio is not kept), cuts it row-major and puts the
/// thumbnail last. image: uint8 [height, width, 3]
TiledImage cut_tiles(const Tensor& image, const TilingConfig& config);

/// Rescales to 0..1 and normalises with ImageNet's mean and deviation.
/// tiles: uint8 [tiles, size, size, 3]; returns float32 [tiles, 3, size, size]
Tensor normalise_tiles(const Tensor& tiles);

}  // namespace nvlm::vision
