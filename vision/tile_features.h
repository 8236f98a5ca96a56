// What the vision side hands to fusion: the tokens of all tiles of a batch, and what each tile is.
#pragma once

#include <vector>

#include "common/tensor.h"
#include "vision/tiling.h"

namespace nvlm::vision {

/// Where a tile belongs.
struct TileRef {
  int64_t sample = 0;  // row of the batch
  int64_t image = 0;   // picture within the sample
  int64_t tile = 0;    // tile within the picture; the thumbnail is last
  TileRole role = TileRole::kThumbnail;
};

/// Tokens of all tiles, sample by sample, picture by picture, thumbnail last.
struct TileFeatures {
  Tensor tokens;               // [tiles, tile_tokens, hidden]
  std::vector<TileRef> tiles;  // one per row of tokens

  int64_t num_tiles() const { return static_cast<int64_t>(tiles.size()); }
  /// The tiles of one role, in order.
  TileFeatures where(TileRole role) const;
};

/// References for a batch in the order TileFeatures wants.
/// layouts: per sample, per picture
std::vector<TileRef> tile_refs(const std::vector<std::vector<ImageLayout>>& layouts);

}  // namespace nvlm::vision
