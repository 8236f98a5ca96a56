// A picture under construction: a cairo surface that becomes an RGB picture.
#pragma once

#include <cairo.h>

#include <opencv2/core.hpp>

#include "common/tensor.h"
#include "experiments/data/appearance.h"

namespace nvlm::experiments {

class Canvas {
 public:
  /// throws std::runtime_error if cairo cannot make a surface of this size (1..16384 pixels a side)
  Canvas(int64_t width, int64_t height, const Colour& ground);
  ~Canvas();
  Canvas(const Canvas&) = delete;
  Canvas& operator=(const Canvas&) = delete;

  cairo_t* cairo() const { return cairo_; }
  /// For texts.
  void set_colour(const Colour& colour);
  /// Fills whole pixels: edges are rounded, so rules stay crisp.
  void fill(double left, double top, double right, double bottom, const Colour& colour);
  /// CV_8UC3, RGB.
  cv::Mat rgb() const;

 private:
  cairo_surface_t* surface_ = nullptr;
  cairo_t* cairo_ = nullptr;
};

/// uint8 [height, width, 3] from CV_8UC3; copies.
Tensor to_tensor(const cv::Mat& image);

/// 0..255
cv::Scalar to_scalar(const Colour& colour);

}  // namespace nvlm::experiments
