#include "eval/readers/rules/clean_page.h"

#ifdef NVLM_IMAGE_FILES

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "common/check.h"

namespace nvlm::eval {
namespace {

// In glyph heights.
constexpr double kSurroundings = 3.2;  // side of the square whose median is the shade behind text
constexpr double kShortestAcross = 3.5;
constexpr double kShortestDown = 2.5;
constexpr double kThickestRule = 0.55;
constexpr double kHugging = 0.15;  // what lies so near to a line is its edge
constexpr double kDotGap = 0.45;   // between the dots of a dotted line

constexpr double kMostInk = 0.35;   // share of the picture; more is noise or a photograph, no text
constexpr int kFaintLine = 215;     // of 255: grey that may be a line
constexpr int kLargestMedian = 25;  // pixels; larger surroundings are taken of a smaller picture
constexpr double kFirstGlyph = 12;  // pixels, before anything is known

int odd(double size) { return std::max(3, static_cast<int>(std::lround(size)) | 1); }

/// The median of a square of `side` pixels around each pixel.
cv::Mat shade_behind_text(const cv::Mat& gray, double side) {
  const double scale = std::min(1.0, kLargestMedian / side);
  const int border = odd(side);  // mirrored: a line at the edge must not look like a dark band
  cv::Mat small;
  cv::copyMakeBorder(gray, small, border, border, border, border, cv::BORDER_REFLECT_101);
  const cv::Size padded = small.size();
  cv::resize(small, small, {}, scale, scale, cv::INTER_AREA);
  cv::medianBlur(small, small, odd(side * scale));
  cv::Mat shade;
  cv::resize(small, shade, padded, 0, 0, cv::INTER_LINEAR);
  return shade(cv::Rect(border, border, gray.cols, gray.rows));
}

/// Text as dark on 255, whatever stood behind it.
cv::Mat flattened_shades(const cv::Mat& gray, const cv::Mat& shade) {
  cv::Mat flat(gray.size(), CV_8U);
  for (int y = 0; y < gray.rows; ++y) {
    const uint8_t* from = gray.ptr<uint8_t>(y);
    const uint8_t* behind = shade.ptr<uint8_t>(y);
    uint8_t* to = flat.ptr<uint8_t>(y);
    for (int x = 0; x < gray.cols; ++x) {
      const int background = behind[x];
      const int contrast = background >= 128
                               ? (background - from[x]) * 255 / std::max(background, 1)
                               : (from[x] - background) * 255 / std::max(255 - background, 1);
      to[x] = static_cast<uint8_t>(255 - std::clamp(contrast, 0, 255));
    }
  }
  return flat;
}

cv::Mat ink_of(const cv::Mat& flat) {
  cv::Mat ink;
  const double otsu = cv::threshold(flat, ink, 0, 255, cv::THRESH_BINARY_INV | cv::THRESH_OTSU);
  const double bounded = std::clamp(otsu, 110.0, 200.0);
  if (bounded != otsu) cv::threshold(flat, ink, bounded, 255, cv::THRESH_BINARY_INV);
  return ink;
}

/// The height in the middle of all ink of what may be glyphs, so that many dots do not outvote a
/// few letters; 0 if there is nothing.
double glyph_height(const cv::Mat& ink) {
  cv::Mat labels, boxes, centres;
  const int count = cv::connectedComponentsWithStats(ink, labels, boxes, centres, 8, CV_32S);
  std::vector<int64_t> weights(151, 0);  // by height
  int64_t total = 0;
  for (int i = 1; i < count; ++i) {
    const int width = boxes.at<int>(i, cv::CC_STAT_WIDTH);
    const int height = boxes.at<int>(i, cv::CC_STAT_HEIGHT);
    if (height < 4 || width < 2 || width > 6 * height || height > 8 * width || height > 150)
      continue;
    weights[static_cast<size_t>(height)] += height;
    total += height;
  }
  int64_t below = 0;
  for (size_t height = 0; height < weights.size(); ++height) {
    below += weights[height];
    if (below > 0 && 2 * below >= total) return static_cast<double>(height);
  }
  return 0;
}

/// Pixels of thin, long runs in one direction.
cv::Mat line_pixels(const cv::Mat& ink, bool horizontal, double glyph) {
  const int gap = std::max(1, static_cast<int>(std::lround(kDotGap * glyph)));
  const int length = std::max(
      8, static_cast<int>(std::lround((horizontal ? kShortestAcross : kShortestDown) * glyph)));
  const auto across = [&](int size) {
    return cv::getStructuringElement(cv::MORPH_RECT,
                                     horizontal ? cv::Size(size, 1) : cv::Size(1, size));
  };
  cv::Mat solid;
  cv::morphologyEx(ink, solid, cv::MORPH_OPEN, across(length));
  // Small gaps within a line that is there anyway.
  cv::Mat closed;
  cv::morphologyEx(solid, closed, cv::MORPH_CLOSE, across(2 * gap + 1));
  return closed;
}

std::vector<Rule> rules_of(const cv::Mat& pixels, bool horizontal, double glyph) {
  cv::Mat labels, boxes, centres;
  const int count = cv::connectedComponentsWithStats(pixels, labels, boxes, centres, 8, CV_32S);
  std::vector<Rule> rules;
  for (int i = 1; i < count; ++i) {
    const int left = boxes.at<int>(i, cv::CC_STAT_LEFT), top = boxes.at<int>(i, cv::CC_STAT_TOP);
    const int width = boxes.at<int>(i, cv::CC_STAT_WIDTH);
    const int height = boxes.at<int>(i, cv::CC_STAT_HEIGHT);
    const int area = boxes.at<int>(i, cv::CC_STAT_AREA);
    const int length = horizontal ? width : height;
    // A slanted line has a high box, but little ink in it.
    const double thickness = static_cast<double>(area) / length;
    if (thickness > std::max(3.0, kThickestRule * glyph)) continue;
    Rule rule;
    rule.at = horizontal ? top + height / 2 : left + width / 2;
    rule.from = horizontal ? left : top;
    rule.to = rule.from + length;
    rule.thickness = std::max<int64_t>(1, std::lround(thickness));
    rules.push_back(rule);
  }
  std::sort(rules.begin(), rules.end(), [](const Rule& a, const Rule& b) {
    return a.at != b.at ? a.at < b.at : a.from < b.from;
  });
  return rules;
}

/// Erases what is left of lines: pieces that hug one, and pieces that are thinner and longer than
/// any glyph.
void erase_remains(cv::Mat& ink, const cv::Mat& lines, double glyph) {
  const int reach = std::max(1, static_cast<int>(std::lround(kHugging * glyph)));
  cv::Mat near;
  cv::dilate(lines, near,
             cv::getStructuringElement(cv::MORPH_RECT, {2 * reach + 1, 2 * reach + 1}));
  cv::Mat labels, boxes, centres;
  const int count = cv::connectedComponentsWithStats(ink, labels, boxes, centres, 8, CV_32S);
  std::vector<int> hugging(static_cast<size_t>(count), 0);
  for (int y = 0; y < ink.rows; ++y) {
    const int* label = labels.ptr<int>(y);
    const uint8_t* is_near = near.ptr<uint8_t>(y);
    for (int x = 0; x < ink.cols; ++x) hugging[static_cast<size_t>(label[x])] += is_near[x] != 0;
  }
  std::vector<bool> erased(static_cast<size_t>(count), false);
  for (int i = 1; i < count; ++i) {
    const int width = boxes.at<int>(i, cv::CC_STAT_WIDTH);
    const int height = boxes.at<int>(i, cv::CC_STAT_HEIGHT);
    const int area = boxes.at<int>(i, cv::CC_STAT_AREA);
    const bool hugs = 3 * hugging[static_cast<size_t>(i)] >= 2 * area;
    const bool upright = width <= std::max(2.0, 0.3 * glyph) && height >= 1.7 * glyph;
    const bool lying = height <= std::max(2.0, 0.25 * glyph) && width >= 2.2 * glyph;
    erased[static_cast<size_t>(i)] = hugs || upright || lying;
  }
  for (int y = 0; y < ink.rows; ++y) {
    const int* label = labels.ptr<int>(y);
    uint8_t* to = ink.ptr<uint8_t>(y);
    for (int x = 0; x < ink.cols; ++x) {
      if (erased[static_cast<size_t>(label[x])]) to[x] = 0;
    }
  }
}

}  // namespace

PixelBox CleanPage::in_picture(const PixelBox& box) const {
  const auto back = [&](int64_t value) { return std::llround(static_cast<double>(value) / scale); };
  return {back(box.left), back(box.top), back(box.right), back(box.bottom)};
}

CleanPage clean_page(const Tensor& image, int64_t max_pixels) {
  expect_dtype(image, at::kByte, "rules: image");
  expect_shape(image, {-1, -1, 3}, "rules: image");
  const Tensor rgb = image.cpu().contiguous();
  CleanPage page;
  if (rgb.numel() == 0) return page;
  const cv::Mat source(static_cast<int>(rgb.size(0)), static_cast<int>(rgb.size(1)), CV_8UC3,
                       rgb.data_ptr());
  cv::Mat gray;
  cv::cvtColor(source, gray, cv::COLOR_RGB2GRAY);
  page.scale =
      std::min(1.0, std::sqrt(static_cast<double>(max_pixels) / static_cast<double>(gray.total())));
  if (page.scale < 1) cv::resize(gray, gray, {}, page.scale, page.scale, cv::INTER_AREA);

  double glyph = kFirstGlyph;
  cv::Mat flat, ink, across, down;
  for (int pass = 0; pass < 2; ++pass) {  // the second with the glyph height that the first found
    flat = flattened_shades(gray, shade_behind_text(gray, kSurroundings * glyph));
    ink = ink_of(flat);
    const cv::Mat faint = flat < kFaintLine;  // hairlines are paler than text
    across = line_pixels(faint, /*horizontal=*/true, glyph);
    down = line_pixels(faint, /*horizontal=*/false, glyph);
    const double found = glyph_height(ink & ~(across | down));
    if (found > 0) glyph = found;
    page.glyph = found;
  }
  if (cv::countNonZero(ink) > kMostInk * static_cast<double>(ink.total())) page.glyph = 0;
  page.horizontal = rules_of(across, /*horizontal=*/true, glyph);
  page.vertical = rules_of(down, /*horizontal=*/false, glyph);
  cv::Mat lines = across | down;
  page.ink = ink & ~lines;
  erase_remains(page.ink, lines, glyph);
  // Text keeps its soft edges: all that is not within a pixel of it becomes white.
  cv::Mat text;
  cv::dilate(page.ink, text, cv::getStructuringElement(cv::MORPH_RECT, {5, 5}));
  page.gray = flat;
  page.gray.setTo(255, ~text | (ink & ~page.ink));
  return page;
}

}  // namespace nvlm::eval

#endif  // NVLM_IMAGE_FILES
