#include "vision/resize.h"

#include "common/check.h"
#include "vision/resample.h"

namespace nvlm::vision {

Tensor resize_bicubic(const Tensor& image, int64_t height, int64_t width) {
  expect_dtype(image, at::kByte, "resize_bicubic: image");
  expect_shape(image, {-1, -1, 3}, "resize_bicubic: image");
  TORCH_CHECK(image.numel() > 0 && height > 0 && width > 0, "resize_bicubic: from ", image.sizes(),
              " to ", height, " x ", width, ", expected at least one pixel each");
  Tensor result = image.cpu().contiguous();
  if (result.size(1) != width) {
    Tensor rows = at::empty({result.size(0), width, 3}, at::kByte);
    resample_rows(result.const_data_ptr<uint8_t>(), result.size(0), result.size(1),
                  rows.mutable_data_ptr<uint8_t>(), width);
    result = rows;
  }
  if (result.size(0) != height) {
    Tensor columns = at::empty({height, width, 3}, at::kByte);
    resample_columns(result.const_data_ptr<uint8_t>(), result.size(0), 3 * width,
                     columns.mutable_data_ptr<uint8_t>(), height);
    result = columns;
  }
  return result;
}

}  // namespace nvlm::vision
