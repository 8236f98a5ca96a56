// Pictures filled with text, for teaching an encoder to read: many characters per tile.
#pragma once

#include <string>
#include <vector>

#include "common/random.h"
#include "common/tensor.h"
#include "experiments/data/difficulty.h"
#include "experiments/data/glyph.h"

namespace nvlm::experiments {

struct RenderedText {
  Tensor image;               // uint8 [height, width, 3]
  std::vector<Glyph> glyphs;  // row = line, column = piece within the line
  std::string text;           // pieces separated by one blank, lines by '\n'
};

/// Fills a picture of exactly width x height pixels with lines of words, numbers, codes and random
/// characters in fonts, colours and damage that `difficulty` allows; at times with rules between
/// the pieces, as tables have. Characters whose centre damage moves out of the picture have no
/// glyph.
/// throws  std::invalid_argument unless width and height are 1 .. 16384
RenderedText render_text_block(Random& random, int64_t width, int64_t height,
                               const TableDifficulty& difficulty);

}  // namespace nvlm::experiments
