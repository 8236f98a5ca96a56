// One visible character of a rendered picture: what it is, where it lies, where the answer has it.
#pragma once

#include <cstdint>
#include <vector>

namespace nvlm::experiments {

/// Positions are continuous: pixel i covers i .. i+1, so the middle of the first pixel is 0.5.
struct Glyph {
  char32_t character = 0;
  float x = 0, y = 0;           // centre of the character's box in pixels of the final picture
  float width = 0, height = 0;  // advance and line height in pixels
  int64_t answer_offset = 0;    // index in code points within the answer's text
  int64_t row = 0, column = 0;  // top-left position of its cell; line and piece in text pictures
};

/// Median line height of the characters in pixels, to a tenth; 0 without any.
double median_glyph_height(const std::vector<Glyph>& glyphs);

}  // namespace nvlm::experiments
