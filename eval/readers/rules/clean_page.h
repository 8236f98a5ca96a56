// A picture of a table made easy to read: dark text on white, ruled lines apart.
#pragma once

#include <cstdint>
#include <opencv2/core.hpp>
#include <vector>

#include "common/tensor.h"
#include "eval/table/table.h"

namespace nvlm::eval {

/// A straight ruled line. Horizontal: `at` is its y, `from` to `to` its extent in x; vertical: the
/// other way round. Pixels; `to` is just outside.
struct Rule {
  int64_t at = 0;
  int64_t from = 0, to = 0;
  int64_t thickness = 1;

  int64_t length() const { return to - from; }
};

struct CleanPage {
  cv::Mat gray;      // uint8 [height, width]: text dark on 255, without lines
  cv::Mat ink;       // uint8: 255 where there is text, else 0
  double glyph = 0;  // typical height of a glyph in pixels, between a small and a capital letter; 0
                     // if there is no text
  std::vector<Rule> horizontal, vertical;  // sorted by `at`
  double scale = 1;                        // pixels of this page per pixel of the picture

  /// A box of this page in the picture that it was made from.
  PixelBox in_picture(const PixelBox& box) const;
};

/// Divides a picture into text and ruled lines.
/// - The shade behind the text is the median of its surroundings: coloured cells become white,
/// light
///   text on a dark band becomes dark.
///   Known defect: the median rounds the corners of a dark band that ends within the picture, and
///   the corner may be read as a mark.
/// - Lines are runs of ink longer than 3.5 glyphs across and 2.5 glyphs down, and thin; dotted ones
///   count too.
/// Time and memory: linear in the pixels.
/// image       uint8 [height, width, 3]
/// max_pixels  a larger picture is shrunk to so many first
CleanPage clean_page(const Tensor& image, int64_t max_pixels);

}  // namespace nvlm::eval
