#include "experiments/tasks/coded_features.h"

#include <algorithm>

#include "experiments/data/glyph_labels.h"
#include "vision/pixel_shuffle.h"

namespace nvlm::experiments {

CodedFeatures::CodedFeatures(const vision::VisionConfig& vision, double legible_height)
    : vision_(vision), legible_height_(legible_height), code_(vision.hidden, vision.grid()) {}

ReadingErrors CodedFeatures::draw_errors(double print_height, bool is_small, Random& random) const {
  ReadingErrors errors;
  if (legible_height_ > 0) {
    constexpr double kIllegible = 0.9;
    const double blur = std::clamp(2 - 2 * print_height / legible_height_, 0.0, 1.0);
    errors.misread = std::max(random.uniform(0, 0.15), kIllegible * blur);
  } else {
    errors.misread = is_small ? random.uniform(0.2, 0.9) : random.uniform(0, 0.15);
  }
  errors.noise = random.uniform(0.1, 0.4);
  return errors;
}

Tensor CodedFeatures::operator()(const std::vector<Glyph>& glyphs, int64_t image_width,
                                 int64_t image_height, const vision::ImageLayout& layout,
                                 Random& random) const {
  const Tensor labels = glyph_labels(glyphs, image_width, image_height, layout, vision_.image_size,
                                     vision_.patch_size);
  const double on_picture = median_glyph_height(glyphs);
  const auto tile_pixels = [this](int64_t tiles, int64_t pixels) {
    return static_cast<double>(tiles * vision_.image_size) / static_cast<double>(pixels);
  };
  std::vector<ReadingErrors> errors;
  for (int64_t tile = 0; tile < layout.num_tiles(); ++tile) {
    const bool is_regular = tile < layout.num_regular();
    // Enlarging a picture makes no print clearer.
    const double scale = std::min({tile_pixels(is_regular ? layout.columns : 1, image_width),
                                   tile_pixels(is_regular ? layout.rows : 1, image_height), 1.0});
    errors.push_back(
        draw_errors(on_picture * scale, !is_regular && layout.num_regular() > 0, random));
  }
  return vision::pixel_shuffle(code_.encode_with_errors(labels, errors, random)
                                   .unflatten(1, {vision_.grid(), vision_.grid()}));
}

}  // namespace nvlm::experiments
