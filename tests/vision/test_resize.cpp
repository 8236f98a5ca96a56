#include <cmath>
#include <vector>

#include "common/random.h"
#include "tests/support/tensors.h"
#include "tests/vision/support.h"
#include "vision/resize.h"

namespace nvlm::vision {
namespace {

double reference_bicubic(double x) {
  x = std::abs(x);
  if (x < 1) return 1.5 * x * x * x - 2.5 * x * x + 1;
  if (x < 2) return -0.5 * x * x * x + 2.5 * x * x - 4 * x + 2;
  return 0;
}

/// Resamples dimension 0 of [length, ...] in double, rounded to 8 bits.
Tensor reference_resample(const Tensor& in, int64_t new_length) {
  const int64_t length = in.size(0);
  const double scale = static_cast<double>(length) / static_cast<double>(new_length);
  const double stretch = std::max(scale, 1.0);
  Tensor weights = at::zeros({new_length, length}, at::kDouble);
  for (int64_t out = 0; out < new_length; ++out) {
    const double center = (static_cast<double>(out) + 0.5) * scale;
    for (int64_t i = 0; i < length; ++i) {
      weights[out][i] = reference_bicubic((static_cast<double>(i) + 0.5 - center) / stretch);
    }
  }
  weights = weights / weights.sum(1, true);
  const Tensor sum = weights.mm(in.to(at::kDouble).flatten(1));
  std::vector<int64_t> shape = in.sizes().vec();
  shape[0] = new_length;
  return (sum + 0.5).floor().clamp(0, 255).to(at::kByte).view(shape);
}

TEST_CASE("resizing agrees with a plain double-precision resampler up to one level") {
  Random random(11);
  at::manual_seed(11);
  for (int round = 0; round < 60; ++round) {
    const int64_t height = random.integer(1, 40), width = random.integer(1, 40);
    const int64_t new_height = random.integer(1, 60), new_width = random.integer(1, 60);
    CAPTURE(round);
    const Tensor image = test::random_picture(height, width);
    const auto rows = [&](const Tensor& in) {
      return reference_resample(in.transpose(0, 1), new_width).transpose(0, 1);
    };
    const bool columns_first = new_height < height && height - new_height > 2 * (width - new_width);
    test::check_levels(resize_bicubic(image, new_height, new_width),
                       columns_first ? rows(reference_resample(image, new_height))
                                     : reference_resample(rows(image), new_height),
                       1);
  }
}

TEST_CASE("a constant picture stays constant, extremes included") {
  for (const int level : {0, 1, 127, 254, 255}) {
    const Tensor image = at::full({13, 29, 3}, level, at::kByte);
    for (const auto& [height, width] : {std::pair{1, 1}, {64, 64}, {7, 200}, {13, 29}}) {
      test::check_levels(resize_bicubic(image, height, width),
                         at::full({height, width, 3}, level, at::kByte));
    }
  }
}

TEST_CASE("a size that is kept is not touched; one pixel fills the picture") {
  const Tensor image = test::random_picture(9, 5);
  test::check_levels(resize_bicubic(image, 9, 5), image);
  const Tensor pixel = test::random_picture(1, 1);
  test::check_levels(resize_bicubic(pixel, 17, 33), pixel.expand({17, 33, 3}));
}

TEST_CASE("views and very long pictures") {
  const Tensor image = test::random_picture(20, 33);
  test::check_levels(resize_bicubic(image.transpose(0, 1), 8, 9),
                     resize_bicubic(image.transpose(0, 1).contiguous(), 8, 9));
  CHECK(resize_bicubic(test::random_picture(20, 20000), 64, 384).sizes() ==
        at::IntArrayRef({64, 384, 3}));
  CHECK(resize_bicubic(test::random_picture(20000, 1), 3, 448).sizes() ==
        at::IntArrayRef({3, 448, 3}));
}

TEST_CASE("impossible requests are refused") {
  const Tensor image = test::random_picture(4, 4);
  CHECK_THROWS_AS(resize_bicubic(image, 0, 4), c10::Error);
  CHECK_THROWS_AS(resize_bicubic(image, 4, -1), c10::Error);
  CHECK_THROWS_AS(resize_bicubic(image.to(at::kFloat), 4, 4), c10::Error);
  CHECK_THROWS_AS(resize_bicubic(image.select(2, 0), 4, 4), c10::Error);
  CHECK_THROWS_AS(resize_bicubic(at::empty({0, 4, 3}, at::kByte), 4, 4), c10::Error);
}

}  // namespace
}  // namespace nvlm::vision
