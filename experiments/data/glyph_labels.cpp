#include "experiments/data/glyph_labels.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <stdexcept>
#include <string>

#include "experiments/data/charset.h"

namespace nvlm::experiments {
namespace {

/// The picture resized to a grid of tiles, cut into patches.
struct PatchGrid {
  double scale_x, scale_y;  // from the picture's pixels to patches
  int64_t patch_columns, patch_rows;
  int64_t side;  // patches along a tile's side
  int64_t tile_columns;

  PatchGrid(int64_t columns, int64_t rows, int64_t side_, int64_t image_width, int64_t image_height)
      : scale_x(static_cast<double>(columns * side_) / static_cast<double>(image_width)),
        scale_y(static_cast<double>(rows * side_) / static_cast<double>(image_height)),
        patch_columns(columns * side_),
        patch_rows(rows * side_),
        side(side_),
        tile_columns(columns) {}

  /// tile is within this grid, row-major; nothing for glyphs outside the picture.
  std::optional<AnswerLocation> locate(const Glyph& glyph) const {
    const auto column = static_cast<int64_t>(std::floor(glyph.x * scale_x));
    const auto row = static_cast<int64_t>(std::floor(glyph.y * scale_y));
    if (column < 0 || row < 0 || column >= patch_columns || row >= patch_rows) return std::nullopt;
    AnswerLocation location;
    location.answer_offset = glyph.answer_offset;
    location.tile = row / side * tile_columns + column / side;
    location.patch_row = row % side;
    location.patch_column = column % side;
    return location;
  }
};

int64_t patches_along_side(int64_t image_width, int64_t image_height, int64_t tile_size,
                           int64_t patch_size) {
  if (image_width < 1 || image_height < 1 || tile_size < 1 || patch_size < 1) {
    throw std::invalid_argument("data.labels: picture, tile and patch sizes must be at least 1");
  }
  if (tile_size % patch_size != 0) {
    throw std::invalid_argument("data.labels: patch size " + std::to_string(patch_size) +
                                " does not divide tile size " + std::to_string(tile_size));
  }
  return tile_size / patch_size;
}

}  // namespace

Tensor glyph_labels(const std::vector<Glyph>& glyphs, int64_t image_width, int64_t image_height,
                    const vision::ImageLayout& layout, int64_t tile_size, int64_t patch_size) {
  const int64_t side = patches_along_side(image_width, image_height, tile_size, patch_size);
  const int64_t patches = side * side;
  Tensor labels = at::zeros({layout.num_tiles(), patches, kLabelsPerPatch}, at::kLong);
  auto entries = labels.accessor<int64_t, 3>();
  std::vector<Glyph> sorted = glyphs;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Glyph& a, const Glyph& b) { return a.x < b.x; });
  const auto mark = [&](const PatchGrid& grid, int64_t first_tile) {
    for (const Glyph& glyph : sorted) {
      const auto at = grid.locate(glyph);
      const int64_t label = character_class(glyph.character);
      if (!at || label == 0) continue;
      const int64_t patch = at->patch_row * side + at->patch_column;
      for (int64_t k = 0; k < kLabelsPerPatch; ++k) {
        int64_t& entry = entries[first_tile + at->tile][patch][k];
        if (entry != 0) continue;
        entry = label;
        break;
      }
    }
  };
  if (layout.num_regular() > 0) {
    mark(PatchGrid(layout.columns, layout.rows, side, image_width, image_height), 0);
  }
  if (layout.has_thumbnail) {
    mark(PatchGrid(1, 1, side, image_width, image_height), layout.num_regular());
  }
  return labels;
}

std::vector<AnswerLocation> answer_locations(const std::vector<Glyph>& glyphs, int64_t image_width,
                                             int64_t image_height,
                                             const vision::ImageLayout& layout, int64_t tile_size,
                                             int64_t patch_size) {
  const int64_t side = patches_along_side(image_width, image_height, tile_size, patch_size);
  const PatchGrid grid(layout.columns, layout.rows, side, image_width, image_height);
  std::vector<AnswerLocation> locations;
  locations.reserve(glyphs.size());
  for (const Glyph& glyph : glyphs) {
    if (const auto at = grid.locate(glyph)) locations.push_back(*at);
  }
  std::stable_sort(locations.begin(), locations.end(),
                   [](const AnswerLocation& a, const AnswerLocation& b) {
                     return a.answer_offset < b.answer_offset;
                   });
  return locations;
}

}  // namespace nvlm::experiments
