#include "eval/extraction/overlay.h"

#include <algorithm>
#include <opencv2/imgproc.hpp>
#include <optional>
#include <string>

#include "common/check.h"

namespace nvlm::eval {
namespace {

// Red, green, blue.
const cv::Scalar kOkColour(0, 150, 60), kCheckColour(230, 130, 0), kFailColour(210, 30, 30),
    kUnknownColour(120, 120, 120);

cv::Scalar status_colour(TableStatus status) {
  switch (status) {
    case TableStatus::kOk:
      return kOkColour;
    case TableStatus::kCheck:
      return kCheckColour;
    case TableStatus::kFail:
      break;
  }
  return kFailColour;
}

cv::Scalar confidence_colour(const std::optional<double>& confidence) {
  if (!confidence) return kUnknownColour;
  if (*confidence < kLowCellConfidence) return kFailColour;
  return *confidence < kOkConfidence ? kCheckColour : kOkColour;
}

void draw_frame(cv::Mat& picture, const PixelBox& box, const cv::Scalar& colour, int thickness) {
  const auto clamp = [](int64_t at, int limit) {
    return static_cast<int>(std::clamp<int64_t>(at, 0, limit - 1));
  };
  cv::rectangle(picture, {clamp(box.left, picture.cols), clamp(box.top, picture.rows)},
                {clamp(box.right - 1, picture.cols), clamp(box.bottom - 1, picture.rows)}, colour,
                thickness);
}

void draw_label(cv::Mat& picture, const PixelBox& box, const std::string& text,
                const cv::Scalar& colour, double size) {
  int baseline = 0;
  const cv::Size extent = cv::getTextSize(text, cv::FONT_HERSHEY_SIMPLEX, size, 1, &baseline);
  const int left =
      std::clamp(static_cast<int>(box.left), 0, std::max(0, picture.cols - extent.width - 4));
  const int bottom = std::clamp(static_cast<int>(box.top), extent.height + baseline + 2,
                                std::max(extent.height + baseline + 2, picture.rows));
  const int top = bottom - extent.height - baseline - 2;
  cv::rectangle(picture, {left, top}, {left + extent.width + 4, bottom}, colour, cv::FILLED);
  cv::putText(picture, text, {left + 2, bottom - baseline}, cv::FONT_HERSHEY_SIMPLEX, size,
              cv::Scalar(255, 255, 255), 1, cv::LINE_AA);
}

}  // namespace

Tensor draw_overlay(const Tensor& page, const std::vector<ExtractedTable>& tables) {
  expect_dtype(page, at::kByte, "overlay: page");
  expect_shape(page, {-1, -1, 3}, "overlay: page");
  Tensor drawn = page.contiguous().clone();
  cv::Mat picture(static_cast<int>(drawn.size(0)), static_cast<int>(drawn.size(1)), CV_8UC3,
                  drawn.data_ptr());
  const int longest = std::max(picture.rows, picture.cols);
  const int thickness = std::max(2, longest / 800);
  const double text_size = std::clamp(longest / 2500.0, 0.35, 3.0);
  for (size_t i = 0; i < tables.size(); ++i) {
    const ExtractedTable& table = tables[i];
    for (size_t cell = 0; cell < table.table.cells.size(); ++cell) {
      const std::optional<PixelBox>& box = table.table.cells[cell].box;
      if (box) draw_frame(picture, *box, confidence_colour(table.proof.confidence.at(cell)), 1);
    }
    const cv::Scalar colour = status_colour(table.verdict.status);
    draw_frame(picture, table.box, colour, thickness);
    draw_label(picture, table.box,
               std::to_string(i + 1) + " " + std::string(name(table.verdict.status)), colour,
               text_size);
  }
  return drawn;
}

}  // namespace nvlm::eval
