// What stands on a page, as boxes: ruled lines, pieces of text, and rows of such pieces.
#pragma once

#include <cstdint>
#include <vector>

#include "common/tensor.h"
#include "eval/table/table.h"

namespace nvlm::eval {

/// Pages are shrunk to at most so many pixels before they are analysed, which bounds the time.
inline constexpr int64_t kMaxLayoutPixels = 6'000'000;
/// A page with more glyphs is not analysed (a photograph, noise).
inline constexpr size_t kMaxGlyphs = 100'000;

/// Pieces of text at one height, from left to right. A piece is a run of glyphs without a gap that
/// is wider than a blank between words.
struct TextRow {
  std::vector<PixelBox> pieces;
  PixelBox box;  // around all pieces
};

/// Lines that touch each other.
struct RuledGrid {
  PixelBox box;
  int64_t num_horizontal = 0, num_vertical = 0;
};

/// All in pixels of the analysed picture, which is `scale` times the original in size.
struct PageLayout {
  int64_t width = 0, height = 0;
  double scale = 1.0;
  double em = 0.0;  // the usual font size
  std::vector<PixelBox> horizontal_lines;
  std::vector<RuledGrid> grids;
  /// Rows from top to bottom, for each column of running text: one block on most pages; on a page
  /// set in two columns what crosses both, the left, and the right.
  std::vector<std::vector<TextRow>> blocks;

  size_t num_rows() const;
};

/// Analyses a picture: ink is what is darker than its surroundings (brighter, where these are
/// dark); long runs of it are lines; connected pixels of the rest are glyphs.
/// image    uint8 [height, width, 3]
/// returns  no blocks if there is no text or more than kMaxGlyphs glyphs
PageLayout analyse_page(const Tensor& image);

}  // namespace nvlm::eval
