#include "experiments/data/degradation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <opencv2/imgproc.hpp>
#include <vector>

namespace nvlm::experiments {
namespace {

using Block = std::array<float, 64>;

constexpr std::array<int, 64> kLuminance = {
    16, 11, 10, 16, 24,  40,  51,  61,  12, 12, 14, 19, 26,  58,  60,  55,
    14, 13, 16, 24, 40,  57,  69,  56,  14, 17, 22, 29, 51,  87,  80,  62,
    18, 22, 37, 56, 68,  109, 103, 77,  24, 35, 55, 64, 81,  104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99};
constexpr std::array<int, 64> kChrominance = {
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99,
    99, 99, 47, 66, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99};

/// Orthonormal cosine basis, [frequency][position].
const Block& cosine_basis() {
  static const Block basis = [] {
    Block b;
    for (int k = 0; k < 8; ++k) {
      for (int n = 0; n < 8; ++n) {
        const double scale = k == 0 ? std::sqrt(0.125) : 0.5;
        b[static_cast<size_t>(8 * k + n)] =
            static_cast<float>(scale * std::cos((2 * n + 1) * k * CV_PI / 16));
      }
    }
    return b;
  }();
  return basis;
}

/// out = left * right, or with transposed factors.
template <bool kLeftTransposed, bool kRightTransposed>
void multiply(const Block& left, const Block& right, Block& out) {
  for (size_t i = 0; i < 8; ++i) {
    std::array<float, 8> row{};
    for (size_t k = 0; k < 8; ++k) {
      const float factor = kLeftTransposed ? left[8 * k + i] : left[8 * i + k];
      for (size_t j = 0; j < 8; ++j) {
        row[j] += factor * (kRightTransposed ? right[8 * j + k] : right[8 * k + j]);
      }
    }
    std::copy(row.begin(), row.end(), out.begin() + static_cast<std::ptrdiff_t>(8 * i));
  }
}

/// One 8-bit plane through the cosine transform, rounding, and back.
void quantise_plane(cv::Mat& plane, const std::array<int, 64>& table, int64_t quality) {
  const int64_t scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
  std::array<float, 64> steps;
  for (size_t i = 0; i < 64; ++i) {
    steps[i] = static_cast<float>(std::clamp<int64_t>((table[i] * scale + 50) / 100, 1, 255));
  }
  const cv::Size size = plane.size();
  cv::Mat padded;
  cv::copyMakeBorder(plane, padded, 0, (8 - size.height % 8) % 8, 0, (8 - size.width % 8) % 8,
                     cv::BORDER_REPLICATE);
  const Block& basis = cosine_basis();
  Block block, half;
  for (int y = 0; y < padded.rows; y += 8) {
    for (int x = 0; x < padded.cols; x += 8) {
      bool flat = true;
      const uint8_t first = padded.at<uint8_t>(y, x);
      for (int i = 0; i < 64; ++i) {
        const uint8_t value = padded.at<uint8_t>(y + i / 8, x + i % 8);
        flat = flat && value == first;
        block[static_cast<size_t>(i)] = static_cast<float>(value) - 128.0F;
      }
      if (flat && steps[0] <= 16.0F) continue;  // off by one grey level at most: not worth the work
      multiply<false, false>(basis, block, half);
      multiply<false, true>(half, basis, block);  // coefficients
      for (size_t i = 0; i < 64; ++i) block[i] = std::nearbyint(block[i] / steps[i]) * steps[i];
      multiply<true, false>(basis, block, half);
      multiply<false, false>(half, basis, block);  // pixels
      for (int i = 0; i < 64; ++i) {
        padded.at<uint8_t>(y + i / 8, x + i % 8) =
            cv::saturate_cast<uint8_t>(block[static_cast<size_t>(i)] + 128.0F);
      }
    }
  }
  plane = padded(cv::Rect(0, 0, size.width, size.height)).clone();
}

}  // namespace

AffineMap skew(cv::Mat& image, double degrees, const cv::Scalar& ground, SkewCanvas canvas) {
  const double angle = degrees * CV_PI / 180, cosine = std::cos(angle), sine = std::sin(angle);
  const double width = image.cols, height = image.rows;
  cv::Size size = image.size();
  if (canvas == SkewCanvas::kGrow) {
    size.width = static_cast<int>(std::ceil(width * cosine + height * std::abs(sine)));
    size.height = static_cast<int>(std::ceil(height * cosine + width * std::abs(sine)));
  }
  AffineMap map;
  map.xx = cosine, map.xy = -sine;
  map.yx = sine, map.yy = cosine;
  map.x0 = size.width / 2.0 - (cosine * width - sine * height) / 2;
  map.y0 = size.height / 2.0 - (sine * width + cosine * height) / 2;
  // OpenCV counts from pixel centres: shift by half a pixel on both sides.
  const cv::Point2d origin = map(0.5, 0.5);
  const cv::Matx23d matrix(map.xx, map.xy, origin.x - 0.5, map.yx, map.yy, origin.y - 0.5);
  cv::Mat turned;
  cv::warpAffine(image, turned, matrix, size, cv::INTER_LINEAR, cv::BORDER_CONSTANT, ground);
  image = turned;
  return map;
}

void lower_resolution(cv::Mat& image, double scale) {
  const cv::Size size = image.size();
  const cv::Size small(std::max(1, static_cast<int>(std::lround(size.width * scale))),
                       std::max(1, static_cast<int>(std::lround(size.height * scale))));
  cv::Mat reduced;
  cv::resize(image, reduced, small, 0, 0, cv::INTER_AREA);
  cv::resize(reduced, image, size, 0, 0, cv::INTER_LINEAR);
}

void blur(cv::Mat& image, double sigma) {
  cv::GaussianBlur(image, image, cv::Size(0, 0), sigma, sigma, cv::BORDER_REPLICATE);
}

void weaken_contrast(cv::Mat& image, double factor) {
  image.convertTo(image, -1, factor, 128 * (1 - factor));
}

void add_noise(cv::Mat& image, double deviation, Random& random) {
  // The sum of four uniform bytes has mean 510 and deviation 147.8; one draw serves two pixels.
  std::array<int, 1021> noise;
  for (int sum = 0; sum <= 1020; ++sum) {
    noise[static_cast<size_t>(sum)] =
        static_cast<int>(std::lround((sum - 510) * deviation / 147.8));
  }
  uint64_t bits = 0;
  for (int y = 0; y < image.rows; ++y) {
    auto* row = image.ptr<cv::Vec3b>(y);
    for (int x = 0; x < image.cols; ++x) {
      bits = x % 2 == 0 ? random.next() : bits >> 32;
      const auto sum = static_cast<size_t>((bits & 255) + ((bits >> 8) & 255) +
                                           ((bits >> 16) & 255) + ((bits >> 24) & 255));
      for (int c = 0; c < 3; ++c) row[x][c] = cv::saturate_cast<uint8_t>(row[x][c] + noise[sum]);
    }
  }
}

void jpeg_like(cv::Mat& image, int64_t quality) {
  quality = std::clamp<int64_t>(quality, 1, 100);
  cv::Mat colour;
  cv::cvtColor(image, colour, cv::COLOR_RGB2YCrCb);
  std::vector<cv::Mat> planes;
  cv::split(colour, planes);
  quantise_plane(planes[0], kLuminance, quality);
  const cv::Size half((image.cols + 1) / 2, (image.rows + 1) / 2);
  for (size_t i = 1; i < 3; ++i) {
    cv::Mat small;
    cv::resize(planes[i], small, half, 0, 0, cv::INTER_AREA);
    quantise_plane(small, kChrominance, quality);
    cv::resize(small, planes[i], image.size(), 0, 0, cv::INTER_LINEAR);
  }
  cv::merge(planes, colour);
  cv::cvtColor(colour, image, cv::COLOR_YCrCb2RGB);
}

AffineMap degrade(cv::Mat& image, const DegradationLimits& limits, const cv::Scalar& ground,
                  double glyph_pixels, SkewCanvas canvas, Random& random) {
  AffineMap map;
  const auto happens = [&](bool allowed) { return allowed && random.chance(limits.chance); };
  if (happens(limits.skew_degrees > 0)) {
    map = skew(image, random.uniform(-limits.skew_degrees, limits.skew_degrees), ground, canvas);
  }
  const double min_scale = std::min(1.0, std::max(limits.min_scale, 7.5 / glyph_pixels));
  double effective_pixels = glyph_pixels;
  if (happens(min_scale < 1)) {
    const double scale = random.uniform(min_scale, 1);
    lower_resolution(image, scale);
    effective_pixels *= scale;
  }
  const double max_blur = std::min(limits.blur_sigma, 0.06 * effective_pixels);
  if (happens(max_blur > 0)) blur(image, random.uniform(0.2, std::max(0.2, max_blur)));
  if (happens(limits.min_contrast < 1)) {
    weaken_contrast(image, random.uniform(limits.min_contrast, 1));
  }
  if (happens(limits.noise > 0)) add_noise(image, random.uniform(0.5, limits.noise), random);
  if (happens(limits.min_jpeg_quality < 100)) {
    jpeg_like(image, random.integer(limits.min_jpeg_quality, 95));
  }
  return map;
}

}  // namespace nvlm::experiments
