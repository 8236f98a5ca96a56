// Tile tags: text that tells the decoder which tile comes next (NVLM §4.2.1, Table 1).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "vision/tiling.h"

namespace nvlm::fusion {

enum class TileTagKind {
  kNone,    // no tag
  k1d,      // <tile_1>, <tile_2>, ... row-major; NVLM's choice
  k2dGrid,  // <tile_x0_y0>, ... column and row
  k2dBox,   // <box> (left, top), (right, bottom) </box>
};

/// The tag of one tile; the thumbnail's is <tile_global_thumbnail>, or the box of the whole
/// picture. tile     index within the picture, 0 .. layout.num_tiles() - 1 returns  text, empty for
/// kNone throws   std::out_of_range if the picture has no such tile source   NVLM §4.2.1, Table 1;
/// the thumbnail's spelling is that of the released NVLM-D-72B (the
///          paper writes <tile_global>)
/// chosen:  boxes in thousandths of the picture's width and height; the paper gives no unit
std::string tile_tag(TileTagKind kind, const vision::ImageLayout& layout, int64_t tile);

/// "none", "1d", "2d_grid", "2d_box".
std::string name(TileTagKind kind);

/// The inverse of name(). throws  std::invalid_argument listing the names
TileTagKind parse_tile_tag_kind(std::string_view text);

}  // namespace nvlm::fusion
