// Labels for the encoder and locations for the decoder: which characters lie in which patch.
#pragma once

#include <vector>

#include "common/tensor.h"
#include "experiments/data/glyph.h"
#include "vision/tiling.h"

namespace nvlm::experiments {

/// Characters that a patch can name, left to right.
inline constexpr int64_t kLabelsPerPatch = 3;

/// The up to three characters whose centres lie in each patch, left to right; class 0 = none. More
/// than three: the first three. The picture is thought resized to columns * tile_size x
/// rows * tile_size without keeping its aspect ratio; for the thumbnail, last, to one tile.
/// image_width, image_height  pixels of the picture that the glyphs refer to
/// returns  int64 [tiles, patches, 3], patches row-major, (tile_size / patch_size)² of them
/// throws   std::invalid_argument if patch_size does not divide tile_size or a size is below 1
Tensor glyph_labels(const std::vector<Glyph>& glyphs, int64_t image_width, int64_t image_height,
                    const vision::ImageLayout& layout, int64_t tile_size, int64_t patch_size);

/// Where one character of the answer can be read.
struct AnswerLocation {
  int64_t answer_offset = 0;  // code points
  int64_t tile = 0;           // within the picture, the thumbnail last
  int64_t patch_row = 0, patch_column = 0;
};

/// For every character of the answer that has a glyph, in the answer's order: its patch in the
/// regular tiles, or in the thumbnail when that is the only tile. Glyphs outside the picture are
/// left out. Errors as glyph_labels.
std::vector<AnswerLocation> answer_locations(const std::vector<Glyph>& glyphs, int64_t image_width,
                                             int64_t image_height,
                                             const vision::ImageLayout& layout, int64_t tile_size,
                                             int64_t patch_size);

}  // namespace nvlm::experiments
