#include "vision/tile_features.h"

namespace nvlm::vision {

TileFeatures TileFeatures::where(TileRole role) const {
  TORCH_CHECK(
      tokens.defined() ? tokens.dim() == 3 && tokens.size(0) == num_tiles() : num_tiles() == 0,
      "tile_features: ", num_tiles(), " tile references, but tokens are ",
      tokens.defined() ? c10::str(tokens.sizes()) : "absent");
  TileFeatures chosen;
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < num_tiles(); ++row) {
    const TileRef& tile = tiles[static_cast<size_t>(row)];
    if (tile.role != role) continue;
    rows.push_back(row);
    chosen.tiles.push_back(tile);
  }
  if (chosen.num_tiles() == num_tiles()) return *this;
  chosen.tokens = tokens.index_select(0, at::tensor(rows, at::kLong).to(tokens.device()));
  return chosen;
}

std::vector<TileRef> tile_refs(const std::vector<std::vector<ImageLayout>>& layouts) {
  std::vector<TileRef> refs;
  for (size_t sample = 0; sample < layouts.size(); ++sample) {
    for (size_t image = 0; image < layouts[sample].size(); ++image) {
      const ImageLayout& layout = layouts[sample][image];
      for (int64_t tile = 0; tile < layout.num_tiles(); ++tile) {
        refs.push_back(
            {static_cast<int64_t>(sample), static_cast<int64_t>(image), tile, layout.role(tile)});
      }
    }
  }
  return refs;
}

}  // namespace nvlm::vision
