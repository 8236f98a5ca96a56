#include "vision/resize.h"

#include "common/check.h"
#include "vision/resample.h"

namespace nvlm::vision {
namespace {

/// image: uint8 [height, width, 3], contiguous; returns [height, new_width, 3]
Tensor resized_rows(const Tensor& image, int64_t new_width, ResampleFilter filter) {
  const int64_t height = image.size(0), width = image.size(1);
  if (width == new_width) return image;
  Tensor result = at::empty({height, new_width, 3}, at::kByte);
  resample_rows(image.const_data_ptr<uint8_t>(), height, width, result.mutable_data_ptr<uint8_t>(),
                new_width, filter);
  return result;
}

/// image: uint8 [height, width, 3], contiguous; returns [new_height, width, 3]
Tensor resized_columns(const Tensor& image, int64_t new_height, ResampleFilter filter) {
  const int64_t height = image.size(0), width = image.size(1);
  if (height == new_height) return image;
  Tensor result = at::empty({new_height, width, 3}, at::kByte);
  resample_columns(image.const_data_ptr<uint8_t>(), height, 3 * width,
                   result.mutable_data_ptr<uint8_t>(), new_height, filter);
  return result;
}

Tensor resized(const Tensor& image, int64_t height, int64_t width, ResampleFilter filter) {
  expect_dtype(image, at::kByte, "resize: image");
  expect_shape(image, {-1, -1, 3}, "resize: image");
  TORCH_CHECK(image.numel() > 0 && height > 0 && width > 0, "resize: from ", image.sizes(), " to ",
              height, " x ", width, ", expected at least one pixel each");
  const Tensor source = image.cpu().contiguous();
  const int64_t lost_rows = source.size(0) - height, lost_columns = source.size(1) - width;
  // Pillow 13 shrinks the height first where that loses most; the order shows in the last bits.
  const bool columns_first = lost_rows > 0 && lost_rows > 2 * lost_columns;
  if (columns_first) return resized_rows(resized_columns(source, height, filter), width, filter);
  return resized_columns(resized_rows(source, width, filter), height, filter);
}

}  // namespace

Tensor resize_bicubic(const Tensor& image, int64_t height, int64_t width) {
  return resized(image, height, width, ResampleFilter::kBicubic);
}

Tensor resize_bilinear(const Tensor& image, int64_t height, int64_t width) {
  return resized(image, height, width, ResampleFilter::kBilinear);
}

}  // namespace nvlm::vision
