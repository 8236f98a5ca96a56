#include "vision/pixel_shuffle.h"

#include "common/check.h"

namespace nvlm::vision {
namespace {

void check_shuffle_grid(int64_t rows, int64_t columns, int64_t factor) {
  TORCH_CHECK(factor > 0 && rows > 0 && columns > 0 && rows % factor == 0 && columns % factor == 0,
              "pixel_shuffle: a grid of ", rows, " x ", columns, " patches, expected multiples of ",
              factor);
}

}  // namespace

Tensor pixel_shuffle(const Tensor& patches, int64_t factor) {
  expect_shape(patches, {-1, -1, -1, -1}, "pixel_shuffle: patches");
  const int64_t tiles = patches.size(0), channels = patches.size(3);
  check_shuffle_grid(patches.size(1), patches.size(2), factor);
  const int64_t rows = patches.size(1) / factor, columns = patches.size(2) / factor;
  return patches.reshape({tiles, rows, factor, columns, factor, channels})
      .transpose(2, 3)  // [tiles, rows, columns, factor, factor, channels]
      .reshape({tiles, rows * columns, factor * factor * channels});
}

Tensor pixel_unshuffle(const Tensor& tokens, int64_t rows, int64_t columns, int64_t factor) {
  check_shuffle_grid(rows, columns, factor);
  expect_shape(tokens, {-1, rows / factor * (columns / factor), -1}, "pixel_unshuffle: tokens");
  const int64_t tiles = tokens.size(0), width = tokens.size(2);
  TORCH_CHECK(width % (factor * factor) == 0, "pixel_unshuffle: tokens have ", width,
              " channels, expected a multiple of ", factor * factor);
  const int64_t channels = width / (factor * factor);
  return tokens.reshape({tiles, rows / factor, columns / factor, factor, factor, channels})
      .transpose(2, 3)  // [tiles, rows / factor, factor, columns / factor, factor, channels]
      .reshape({tiles, rows, columns, channels});
}

}  // namespace nvlm::vision
