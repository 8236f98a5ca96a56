#include "experiments/data/canvas.h"

#include <cmath>
#include <cstring>
#include <opencv2/imgproc.hpp>
#include <stdexcept>

namespace nvlm::experiments {

Canvas::Canvas(int64_t width, int64_t height, const Colour& ground) {
  const std::string size = std::to_string(width) + " x " + std::to_string(height);
  if (width < 1 || height < 1 || width > 16384 || height > 16384) {
    throw std::runtime_error("data.canvas: a picture of " + size +
                             " pixels, expected 1 .. 16384 on each side");
  }
  surface_ = cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(width),
                                        static_cast<int>(height));
  if (cairo_surface_status(surface_) != CAIRO_STATUS_SUCCESS) {
    const std::string reason = cairo_status_to_string(cairo_surface_status(surface_));
    cairo_surface_destroy(surface_);
    throw std::runtime_error("data.canvas: no surface of " + size + " pixels: " + reason);
  }
  cairo_ = cairo_create(surface_);
  set_colour(ground);
  cairo_paint(cairo_);
}

Canvas::~Canvas() {
  cairo_destroy(cairo_);
  cairo_surface_destroy(surface_);
}

void Canvas::set_colour(const Colour& colour) {
  cairo_set_source_rgb(cairo_, colour[0], colour[1], colour[2]);
}

void Canvas::fill(double left, double top, double right, double bottom, const Colour& colour) {
  set_colour(colour);
  cairo_rectangle(cairo_, std::round(left), std::round(top), std::round(right) - std::round(left),
                  std::round(bottom) - std::round(top));
  cairo_fill(cairo_);
}

cv::Mat Canvas::rgb() const {
  cairo_surface_flush(surface_);
  const cv::Mat pixels(cairo_image_surface_get_height(surface_),
                       cairo_image_surface_get_width(surface_), CV_8UC4,
                       cairo_image_surface_get_data(surface_),
                       static_cast<size_t>(cairo_image_surface_get_stride(surface_)));
  cv::Mat image;
  cv::cvtColor(pixels, image, cv::COLOR_BGRA2RGB);  // RGB24 is 0xXXRRGGBB, little endian
  return image;
}

Tensor to_tensor(const cv::Mat& image) {
  Tensor tensor = at::empty({image.rows, image.cols, 3}, at::kByte);
  cv::Mat target(image.rows, image.cols, CV_8UC3, tensor.data_ptr<uint8_t>());
  image.copyTo(target);
  return tensor;
}

cv::Scalar to_scalar(const Colour& colour) {
  return {std::round(255 * colour[0]), std::round(255 * colour[1]), std::round(255 * colour[2])};
}

}  // namespace nvlm::experiments
