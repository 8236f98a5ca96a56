// Tile features made from the renderer's labels, as an imperfect reader would give them: no pixels.
#pragma once

#include <vector>

#include "common/random.h"
#include "common/tensor.h"
#include "experiments/data/glyph.h"
#include "experiments/tasks/glyph_code.h"
#include "vision/tiling.h"
#include "vision/vision_config.h"

namespace nvlm::experiments {

/// Safe to share between threads.
class CodedFeatures {
 public:
  /// vision          the encoder that is stood in for
  /// legible_height  print as high as this is read well, half of it hardly at all, and in between
  ///                 ever better: pixels of the picture, less by as much as the tile shrinks it in
  ///                 its worse direction; 0: regular tiles are read well and the thumbnail of
  ///                 several tiles badly, whatever their print
  CodedFeatures(const vision::VisionConfig& vision, double legible_height);

  /// image_width, image_height  pixels of the picture that the glyphs refer to
  /// returns  float32 [tiles, tile_tokens, 4 * vision hidden], on the CPU
  Tensor operator()(const std::vector<Glyph>& glyphs, int64_t image_width, int64_t image_height,
                    const vision::ImageLayout& layout, Random& random) const;

 private:
  ReadingErrors draw_errors(double print_height, bool is_small, Random& random) const;

  vision::VisionConfig vision_;
  double legible_height_;
  GlyphCode code_;
};

}  // namespace nvlm::experiments
