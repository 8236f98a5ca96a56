#include "experiments/plots/attention_picture.h"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "common/check.h"

namespace nvlm::experiments {
namespace {

const cv::Scalar kHotTint(255, 165, 40);  // red, green, blue; its grey is 178 of 255
constexpr double kFaintest = 0.3;         // contrast that is left where the weight is 0
constexpr int kMargin = 8;                // pixels
constexpr int64_t kCaptionWidth = 700;    // pixels that a caption needs

cv::Mat view_of(const Tensor& picture) {
  return {static_cast<int>(picture.size(0)), static_cast<int>(picture.size(1)), CV_8UC3,
          picture.data_ptr()};
}

cv::Rect pixels_of(const PixelRectangle& place) {
  const auto at = [](double edge) { return static_cast<int>(std::lround(edge)); };
  return {cv::Point(at(place.left), at(place.top)), cv::Point(at(place.right), at(place.bottom))};
}

/// The part of the picture, tinted in place.
void tint(cv::Mat part, double strength) {
  const double contrast = kFaintest + (1 - kFaintest) * strength;
  for (int y = 0; y < part.rows; ++y) {
    auto* row = part.ptr<cv::Vec3b>(y);
    for (int x = 0; x < part.cols; ++x) {
      for (int channel = 0; channel < 3; ++channel) {
        const double paper = 255 + (kHotTint[channel] - 255) * strength;
        const double ink = 1 + (row[x][channel] / 255.0 - 1) * contrast;
        row[x][channel] = cv::saturate_cast<uchar>(paper * ink);
      }
    }
  }
}

double caption_size(int width) { return std::clamp(width / 1400.0, 0.5, 1.5); }

Tensor enlarged(const Tensor& picture, int factor) {
  Tensor large = at::empty({picture.size(0) * factor, picture.size(1) * factor, 3}, at::kByte);
  const Tensor source = picture.contiguous();
  cv::Mat target = view_of(large);
  cv::resize(view_of(source), target, target.size(), 0, 0, cv::INTER_LINEAR);
  return large;
}

}  // namespace

Tensor draw_heat(const Tensor& image, const std::vector<HeatCell>& cells) {
  expect_dtype(image, at::kByte, "attention: picture");
  expect_shape(image, {-1, -1, 3}, "attention: picture");
  Tensor drawn = image.contiguous().clone();
  cv::Mat picture = view_of(drawn);
  const cv::Rect whole({0, 0}, picture.size());
  for (const HeatCell& cell : cells) {
    tint(picture(pixels_of(cell.place) & whole), std::clamp(cell.strength, 0.0, 1.0));
  }
  return drawn;
}

Tensor stack_pictures(const std::vector<CaptionedPicture>& pictures) {
  TORCH_CHECK(!pictures.empty(), "attention: no pictures to draw");
  int64_t width = 0;
  for (const CaptionedPicture& entry : pictures) width = std::max(width, entry.picture.size(1));
  const int64_t factor = (kCaptionWidth + width - 1) / width;
  width *= factor;
  const double size = caption_size(static_cast<int>(width));
  std::vector<Tensor> rows;
  for (const CaptionedPicture& entry : pictures) {
    const Tensor picture = enlarged(entry.picture, static_cast<int>(factor));
    int baseline = 0;
    const cv::Size extent =
        cv::getTextSize(entry.caption, cv::FONT_HERSHEY_SIMPLEX, size, 1, &baseline);
    const int64_t strip = extent.height + baseline + 2 * kMargin;
    Tensor row = at::full({strip + picture.size(0), width, 3}, 255, at::kByte);
    row.narrow(0, strip, picture.size(0)).narrow(1, 0, picture.size(1)).copy_(picture);
    cv::Mat drawn = view_of(row);
    cv::putText(drawn, entry.caption, {kMargin, kMargin + extent.height}, cv::FONT_HERSHEY_SIMPLEX,
                size, cv::Scalar(0, 0, 0), 1, cv::LINE_AA);
    rows.push_back(row);
  }
  return at::cat(rows);
}

}  // namespace nvlm::experiments
