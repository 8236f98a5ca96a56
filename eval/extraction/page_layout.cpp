#include "eval/extraction/page_layout.h"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>
#include <optional>
#include <utility>

#include "common/check.h"

namespace nvlm::eval {
namespace {

constexpr double kInkContrast = 40.0;      // grey levels between ink and what surrounds it
constexpr double kDarkBackground = 110.0;  // mean grey below which ink is the brighter part
constexpr int kWidestStroke = 21;          // pixels; anything thicker is a filled area
constexpr double kPieceGap = 0.9;          // em; wider gaps end a piece of text

PixelBox pixel_box(const cv::Rect& rect) {
  return {rect.x, rect.y, rect.x + rect.width, rect.y + rect.height};
}

/// Grey picture of at most kMaxLayoutPixels; sets the layout's size and scale.
cv::Mat grey_picture(const Tensor& image, PageLayout& layout) {
  const Tensor rgb = image.contiguous();
  const cv::Mat source(static_cast<int>(rgb.size(0)), static_cast<int>(rgb.size(1)), CV_8UC3,
                       rgb.data_ptr());
  cv::Mat grey;
  cv::cvtColor(source, grey, cv::COLOR_RGB2GRAY);
  const double pixels = static_cast<double>(grey.rows) * grey.cols;
  layout.scale = std::min(1.0, std::sqrt(static_cast<double>(kMaxLayoutPixels) / pixels));
  if (layout.scale < 1.0) {
    const cv::Size size(std::max(1, static_cast<int>(grey.cols * layout.scale)),
                        std::max(1, static_cast<int>(grey.rows * layout.scale)));
    cv::resize(grey, grey, size, 0, 0, cv::INTER_AREA);
  }
  layout.width = grey.cols;
  layout.height = grey.rows;
  return grey;
}

/// 255 where there is ink.
cv::Mat ink_of(const cv::Mat& grey) {
  const cv::Mat kernel =
      cv::getStructuringElement(cv::MORPH_RECT, cv::Size(kWidestStroke, kWidestStroke));
  cv::Mat dark_ink, bright_ink, background;
  cv::morphologyEx(grey, dark_ink, cv::MORPH_BLACKHAT, kernel);
  cv::morphologyEx(grey, bright_ink, cv::MORPH_TOPHAT, kernel);
  cv::blur(grey, background, cv::Size(2 * kWidestStroke + 1, 2 * kWidestStroke + 1));
  const cv::Mat in_the_dark = background < kDarkBackground;
  dark_ink = dark_ink > kInkContrast;
  bright_ink = bright_ink > kInkContrast;
  bright_ink.copyTo(dark_ink, in_the_dark);
  return dark_ink;
}

/// Ink in runs of at least `length` pixels along one direction, slight breaks closed.
cv::Mat runs_of(const cv::Mat& ink, int length, bool horizontal) {
  const auto kernel = [&](int size) {
    return cv::getStructuringElement(cv::MORPH_RECT,
                                     horizontal ? cv::Size(size, 1) : cv::Size(1, size));
  };
  cv::Mat runs;
  cv::morphologyEx(ink, runs, cv::MORPH_OPEN, kernel(length));
  cv::morphologyEx(runs, runs, cv::MORPH_CLOSE, kernel(length / 2));
  return runs;
}

std::vector<PixelBox> component_boxes(const cv::Mat& mask) {
  cv::Mat labels, stats, centres;
  const int count = cv::connectedComponentsWithStats(mask, labels, stats, centres, 8, CV_32S);
  std::vector<PixelBox> boxes;
  boxes.reserve(static_cast<size_t>(count));
  for (int i = 1; i < count; ++i) {
    boxes.push_back(
        pixel_box({stats.at<int>(i, cv::CC_STAT_LEFT), stats.at<int>(i, cv::CC_STAT_TOP),
                   stats.at<int>(i, cv::CC_STAT_WIDTH), stats.at<int>(i, cv::CC_STAT_HEIGHT)}));
  }
  return boxes;
}

/// Boxes of what may be glyphs: neither specks nor pictures.
std::vector<PixelBox> glyph_boxes(const cv::Mat& text) {
  constexpr int64_t kLeastHeight = 4, kMostHeight = 120;
  std::vector<PixelBox> boxes = component_boxes(text);
  std::erase_if(boxes, [](const PixelBox& box) {
    const int64_t height = box.bottom - box.top;
    return height < kLeastHeight || height > kMostHeight || box.right - box.left > 4 * kMostHeight;
  });
  return boxes;
}

/// Half as much again as the glyphs' median height, in which each counts by its height, so that
/// dots do not count much. Most glyphs have no ascender.
double font_size(const std::vector<PixelBox>& glyphs) {
  std::vector<int64_t> heights;
  int64_t total = 0;
  for (const PixelBox& box : glyphs) {
    heights.push_back(box.bottom - box.top);
    total += heights.back();
  }
  std::sort(heights.begin(), heights.end());
  int64_t below = 0;
  for (const int64_t height : heights) {
    below += height;
    if (2 * below >= total) return 1.5 * static_cast<double>(height);
  }
  return 0.0;
}

/// Glyphs that stand close together on one line.
std::vector<PixelBox> text_pieces(const std::vector<PixelBox>& glyphs, const PageLayout& layout) {
  cv::Mat mask =
      cv::Mat::zeros(static_cast<int>(layout.height), static_cast<int>(layout.width), CV_8UC1);
  for (const PixelBox& glyph : glyphs) {
    // Without its edges, so that lines set close do not touch.
    const auto height = static_cast<int>(glyph.bottom - glyph.top);
    const int margin = height / 6;
    cv::rectangle(mask,
                  cv::Rect(static_cast<int>(glyph.left), static_cast<int>(glyph.top) + margin,
                           static_cast<int>(glyph.right - glyph.left), height - 2 * margin),
                  255, cv::FILLED);
  }
  const int gap = std::max(3, static_cast<int>(kPieceGap * layout.em));
  // A border, as closing at the picture's edge would fill what lies before it.
  cv::copyMakeBorder(mask, mask, 0, 0, gap, gap, cv::BORDER_CONSTANT, 0);
  cv::morphologyEx(mask, mask, cv::MORPH_CLOSE,
                   cv::getStructuringElement(cv::MORPH_RECT, cv::Size(gap, 1)));
  std::vector<PixelBox> pieces = component_boxes(mask);
  std::erase_if(pieces, [&](const PixelBox& box) {
    return static_cast<double>(box.bottom - box.top) < 0.2 * layout.em;
  });
  for (PixelBox& box : pieces) box.left -= gap, box.right -= gap;
  return pieces;
}

void extend(PixelBox& box, const PixelBox& other) {
  box.left = std::min(box.left, other.left);
  box.top = std::min(box.top, other.top);
  box.right = std::max(box.right, other.right);
  box.bottom = std::max(box.bottom, other.bottom);
}

/// Pieces whose centres lie within half an em of their row's mean.
std::vector<TextRow> text_rows(std::vector<PixelBox> pieces, double em) {
  const auto centre = [](const PixelBox& box) {
    return 0.5 * static_cast<double>(box.top + box.bottom);
  };
  std::sort(pieces.begin(), pieces.end(),
            [&](const PixelBox& a, const PixelBox& b) { return centre(a) < centre(b); });
  std::vector<TextRow> rows;
  double sum = 0.0;
  for (const PixelBox& piece : pieces) {
    const bool joins =
        !rows.empty() &&
        centre(piece) - sum / static_cast<double>(rows.back().pieces.size()) < 0.5 * em;
    if (!joins) {
      rows.push_back({{}, piece});
      sum = 0.0;
    }
    rows.back().pieces.push_back(piece);
    extend(rows.back().box, piece);
    sum += centre(piece);
  }
  for (TextRow& row : rows) {
    std::sort(row.pieces.begin(), row.pieces.end(),
              [](const PixelBox& a, const PixelBox& b) { return a.left < b.left; });
  }
  return rows;
}

/// Whether many pieces between two edges are lines of running text: a third of them nearly as wide
/// as the space.
bool is_text_column(const std::vector<PixelBox>& pieces, int64_t left, int64_t right) {
  constexpr int64_t kFewestLines = 8;
  int64_t inside = 0, filling = 0;
  for (const PixelBox& piece : pieces) {
    if (piece.left < left || piece.right > right) continue;
    ++inside;
    if (4 * (piece.right - piece.left) > 3 * (right - left)) ++filling;
  }
  return filling >= kFewestLines && 3 * filling > inside;
}

/// The x at which a page set in two columns is white: running text stands on both sides of it and
/// few pieces cross it. Nothing on other pages.
std::optional<int64_t> column_gutter(const std::vector<PixelBox>& pieces) {
  if (pieces.empty()) return std::nullopt;
  PixelBox text = pieces.front();
  for (const PixelBox& piece : pieces) extend(text, piece);
  const int64_t middle = (text.left + text.right) / 2;
  const int64_t reach = (text.right - text.left) / 10;
  std::optional<int64_t> best;
  int64_t fewest_crossing = std::ssize(pieces) / 8;
  for (int64_t x = middle - reach; x <= middle + reach; x += std::max<int64_t>(1, reach / 50)) {
    const auto crossing = std::count_if(pieces.begin(), pieces.end(), [&](const PixelBox& piece) {
      return piece.left < x && piece.right > x;
    });
    if (crossing >= fewest_crossing) continue;
    if (!is_text_column(pieces, text.left, x) || !is_text_column(pieces, x, text.right)) continue;
    best = x;
    fewest_crossing = crossing;
  }
  return best;
}

std::vector<std::vector<TextRow>> text_blocks(const std::vector<PixelBox>& pieces,
                                              const PageLayout& layout) {
  const std::optional<int64_t> gutter = column_gutter(pieces);
  std::vector<std::vector<PixelBox>> parts(3);
  for (const PixelBox& piece : pieces) {
    const bool is_left = !gutter || piece.right <= *gutter;
    parts[is_left ? 1 : (piece.left >= *gutter ? 2 : 0)].push_back(piece);
  }
  std::vector<std::vector<TextRow>> blocks;
  for (std::vector<PixelBox>& part : parts) {
    if (!part.empty()) blocks.push_back(text_rows(std::move(part), layout.em));
  }
  return blocks;
}

bool within(const PixelBox& inner, const PixelBox& outer) {
  return inner.left >= outer.left && inner.top >= outer.top && inner.right <= outer.right &&
         inner.bottom <= outer.bottom;
}

/// Lines that touch, with the number of lines of each direction.
std::vector<RuledGrid> ruled_grids(const cv::Mat& lines, const std::vector<PixelBox>& horizontal,
                                   const std::vector<PixelBox>& vertical) {
  constexpr size_t kMostGrids = 2000;
  std::vector<RuledGrid> grids;
  for (const PixelBox& box : component_boxes(lines)) grids.push_back({box});
  if (grids.size() > kMostGrids) return {};  // a pattern, not a table
  for (RuledGrid& grid : grids) {
    const auto count = [&](const std::vector<PixelBox>& all) {
      return std::count_if(all.begin(), all.end(),
                           [&](const PixelBox& line) { return within(line, grid.box); });
    };
    grid.num_horizontal = count(horizontal);
    grid.num_vertical = count(vertical);
  }
  return grids;
}

}  // namespace

size_t PageLayout::num_rows() const {
  size_t rows = 0;
  for (const std::vector<TextRow>& block : blocks) rows += block.size();
  return rows;
}

PageLayout analyse_page(const Tensor& image) {
  expect_dtype(image, at::kByte, "page layout: image");
  expect_shape(image, {-1, -1, 3}, "page layout: image");
  PageLayout layout;
  const cv::Mat ink = ink_of(grey_picture(image, layout));
  layout.em = font_size(glyph_boxes(ink));
  if (layout.em == 0.0) return layout;

  const int shortest = std::max(40, static_cast<int>(2.5 * layout.em));
  const cv::Mat horizontal = runs_of(ink, shortest, /*horizontal=*/true);
  const cv::Mat vertical = runs_of(ink, shortest, /*horizontal=*/false);
  cv::Mat lines = horizontal | vertical;
  cv::dilate(lines, lines, cv::getStructuringElement(cv::MORPH_RECT, cv::Size(3, 3)));
  layout.horizontal_lines = component_boxes(horizontal);
  layout.grids = ruled_grids(lines, layout.horizontal_lines, component_boxes(vertical));

  const std::vector<PixelBox> glyphs = glyph_boxes(ink & ~lines);
  if (glyphs.empty() || glyphs.size() > kMaxGlyphs) return layout;
  layout.em = font_size(glyphs);
  layout.blocks = text_blocks(text_pieces(glyphs, layout), layout);
  return layout;
}

}  // namespace nvlm::eval
