// What happens to a picture between the page and the reader: skew, low resolution, blur, weak
// contrast, noise, JPEG-like blocks. Core and imgproc of OpenCV only.
#pragma once

#include <cstdint>
#include <opencv2/core.hpp>

#include "common/random.h"
#include "experiments/data/difficulty.h"

namespace nvlm::experiments {

/// Maps continuous positions (pixel i covers i .. i+1) of the old picture into the new one.
struct AffineMap {
  double xx = 1, xy = 0, x0 = 0;
  double yx = 0, yy = 1, y0 = 0;

  cv::Point2d operator()(double x, double y) const {
    return {xx * x + xy * y + x0, yx * x + yy * y + y0};
  }
};

/// Whether a skewed picture grows to hold all of the old one or keeps its size and loses corners.
enum class SkewCanvas { kGrow, kKeep };

/// Applies a random choice of what `limits` allows, in the order of this file's first line.
/// image         CV_8UC3, RGB; replaced
/// ground        RGB 0..255 for corners that come into view
/// glyph_pixels  em size of the smallest text: damage is bounded so that it stays readable
/// returns       where each point of the old picture lies now
AffineMap degrade(cv::Mat& image, const DegradationLimits& limits, const cv::Scalar& ground,
                  double glyph_pixels, SkewCanvas canvas, Random& random);

/// Turns the picture around its centre; positive = clockwise.
AffineMap skew(cv::Mat& image, double degrees, const cv::Scalar& ground, SkewCanvas canvas);
/// Shrinks to `scale` and enlarges to the old size again.
void lower_resolution(cv::Mat& image, double scale);
/// Gaussian.
void blur(cv::Mat& image, double sigma);
/// Scales around mid-grey.
void weaken_contrast(cv::Mat& image, double factor);
/// Nearly normal noise of the given deviation, the same in all three channels of a pixel.
void add_noise(cv::Mat& image, double deviation, Random& random);
/// Quantises 8x8 cosine coefficients with JPEG's tables (ITU-T T.81 annex K), chroma at half
/// resolution. quality 1..100 as in libjpeg.
void jpeg_like(cv::Mat& image, int64_t quality);

}  // namespace nvlm::experiments
