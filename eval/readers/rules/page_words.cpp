#include "eval/readers/rules/page_words.h"

#ifdef NVLM_IMAGE_FILES

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

namespace nvlm::eval {
namespace {

constexpr double kLikedGlyph = 20;  // pixels
constexpr double kLargestScale = 4, kSmallestScale = 0.5;
constexpr double kMostOcrPixels = 16e6;
constexpr double kDashConfidence = 0.7;
constexpr int kOcrBorder = 12;  // white pixels around the page

/// The box of the ink within `box`; empty (right <= left) if there is none.
PixelBox tightened(const cv::Mat& ink, const PixelBox& box) {
  const cv::Rect page(0, 0, ink.cols, ink.rows);
  const cv::Rect wanted(static_cast<int>(box.left), static_cast<int>(box.top),
                        static_cast<int>(box.right - box.left),
                        static_cast<int>(box.bottom - box.top));
  const cv::Rect inside = wanted & page;
  if (inside.empty()) return {};
  const cv::Rect tight = cv::boundingRect(ink(inside));
  if (tight.empty()) return {};
  const int64_t left = inside.x + tight.x, top = inside.y + tight.y;
  return {left, top, left + tight.width, top + tight.height};
}

bool covers(const PixelBox& box, int64_t x, int64_t y) {
  return x >= box.left && x < box.right && y >= box.top && y < box.bottom;
}

/// Specks that the recogniser took for a word: pieces of lines, and small marks that say nothing.
/// Rows of dots are leaders and stay.
bool is_speck(const OcrWord& word, double glyph) {
  const auto width = static_cast<double>(word.box.right - word.box.left);
  const auto height = static_cast<double>(word.box.bottom - word.box.top);
  if (width <= 0.18 * glyph && height > 0.5 * glyph) return true;  // a piece of a line
  if (word.text.find_first_not_of('.') == std::string::npos) return false;
  const bool has_content =
      word.text.find_first_not_of(".,'`~|_:;!\"\\/()[]{}<>i") != std::string::npos;
  return !has_content && (height < 0.45 * glyph || width < 0.3 * glyph);
}

/// Flat marks that no word covers and that stand alone: dashes for "nothing".
void add_dashes(const CleanPage& page, std::vector<OcrWord>& words) {
  cv::Mat labels, boxes, centres;
  const int count = cv::connectedComponentsWithStats(page.ink, labels, boxes, centres, 8, CV_32S);
  const size_t num_words = words.size();
  for (int i = 1; i < count; ++i) {
    const int left = boxes.at<int>(i, cv::CC_STAT_LEFT), top = boxes.at<int>(i, cv::CC_STAT_TOP);
    const int width = boxes.at<int>(i, cv::CC_STAT_WIDTH);
    const int height = boxes.at<int>(i, cv::CC_STAT_HEIGHT);
    const bool is_dash = width >= 0.3 * page.glyph && width <= 1.6 * page.glyph &&
                         height <= 0.3 * page.glyph && width >= 2 * height && width >= 3;
    if (!is_dash) continue;
    const PixelBox box{left, top, left + width, top + height};
    const int64_t x = left + width / 2, y = top + height / 2;
    const auto reach = static_cast<int64_t>(0.5 * page.glyph);
    bool covered = false;
    for (size_t w = 0; w < num_words && !covered; ++w) {
      const PixelBox& word = words[w].box;
      covered =
          covers({word.left - reach, word.top - 1, word.right + reach, word.bottom + 1}, x, y);
    }
    if (covered) continue;
    words.push_back({width > page.glyph * 0.85 ? "—" : "-", box, kDashConfidence, 0, 0, 0});
  }
}

}  // namespace

std::vector<OcrWord> page_words(const CleanPage& page, TesseractOcr& ocr) {
  std::vector<OcrWord> words;
  if (page.glyph <= 0) return words;
  const double pixels = static_cast<double>(page.gray.total());
  const double scale = std::min(std::clamp(kLikedGlyph / page.glyph, kSmallestScale, kLargestScale),
                                std::sqrt(kMostOcrPixels / pixels));
  cv::Mat scaled;
  cv::resize(page.gray, scaled, {}, scale, scale, scale < 1 ? cv::INTER_AREA : cv::INTER_CUBIC);
  cv::copyMakeBorder(scaled, scaled, kOcrBorder, kOcrBorder, kOcrBorder, kOcrBorder,
                     cv::BORDER_CONSTANT, 255);
  const auto back = [&](int64_t value) { return static_cast<double>(value - kOcrBorder) / scale; };
  for (OcrWord& word : ocr.words(scaled, OcrPageMode::kBlock)) {
    const PixelBox box{static_cast<int64_t>(std::floor(back(word.box.left))),
                       static_cast<int64_t>(std::floor(back(word.box.top))),
                       static_cast<int64_t>(std::ceil(back(word.box.right))),
                       static_cast<int64_t>(std::ceil(back(word.box.bottom)))};
    word.box = tightened(page.ink, box);
    if (word.box.right <= word.box.left || word.text.find_first_not_of(" ") == std::string::npos ||
        is_speck(word, page.glyph)) {
      continue;
    }
    words.push_back(std::move(word));
  }
  add_dashes(page, words);
  return words;
}

}  // namespace nvlm::eval

#endif  // NVLM_IMAGE_FILES
