#include "fusion/tile_tags.h"

#include <c10/util/Exception.h>

#include <stdexcept>

namespace nvlm::fusion {
namespace {

constexpr std::string_view kThumbnailTag = "<tile_global_thumbnail>";

std::string box_tag(const vision::ImageLayout& layout, int64_t tile) {
  const auto corner = [&](int64_t column, int64_t row) {
    return "(" + std::to_string(1000 * column / layout.columns) + ", " +
           std::to_string(1000 * row / layout.rows) + ")";
  };
  if (layout.role(tile) == vision::TileRole::kThumbnail) {
    return "<box> " + corner(0, 0) + ", " + corner(layout.columns, layout.rows) + " </box>";
  }
  const int64_t column = tile % layout.columns, row = tile / layout.columns;
  return "<box> " + corner(column, row) + ", " + corner(column + 1, row + 1) + " </box>";
}

}  // namespace

std::string tile_tag(TileTagKind kind, const vision::ImageLayout& layout, int64_t tile) {
  if (tile < 0 || tile >= layout.num_tiles()) {
    throw std::out_of_range("fusion.tile_tag: tile " + std::to_string(tile) +
                            " of a picture with " + std::to_string(layout.num_tiles()) + " tiles");
  }
  if (kind == TileTagKind::kNone) return "";
  if (kind == TileTagKind::k2dBox) return box_tag(layout, tile);
  if (layout.role(tile) == vision::TileRole::kThumbnail) return std::string(kThumbnailTag);
  if (kind == TileTagKind::k1d) return "<tile_" + std::to_string(tile + 1) + ">";
  return "<tile_x" + std::to_string(tile % layout.columns) + "_y" +
         std::to_string(tile / layout.columns) + ">";
}

std::string name(TileTagKind kind) {
  switch (kind) {
    case TileTagKind::kNone:
      return "none";
    case TileTagKind::k1d:
      return "1d";
    case TileTagKind::k2dGrid:
      return "2d_grid";
    case TileTagKind::k2dBox:
      return "2d_box";
  }
  TORCH_INTERNAL_ASSERT(false, "no such kind of tile tag");
}

TileTagKind parse_tile_tag_kind(std::string_view text) {
  for (const TileTagKind kind :
       {TileTagKind::kNone, TileTagKind::k1d, TileTagKind::k2dGrid, TileTagKind::k2dBox}) {
    if (name(kind) == text) return kind;
  }
  throw std::invalid_argument("fusion.tile_tags: '" + std::string(text) +
                              "', expected none, 1d, 2d_grid or 2d_box");
}

}  // namespace nvlm::fusion
