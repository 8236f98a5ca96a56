#include "experiments/data/text_image.h"

#include <cmath>
#include <stdexcept>

#include "experiments/data/appearance.h"
#include "experiments/data/canvas.h"
#include "experiments/data/cell_text.h"
#include "experiments/data/degradation.h"
#include "experiments/data/utf8.h"
#include "experiments/data/vocabulary.h"

namespace nvlm::experiments {
namespace {

std::string random_piece(const TableDifficulty& difficulty, Random& random) {
  const double draw = random.uniform();
  // Running text alone would show some letters a hundred times as often as others.
  if (draw < 0.5) return random_characters(random, 10);
  if (draw < 0.75) return text_value(difficulty, random).text;
  return column_value(random_column(random, difficulty.max_line_characters), difficulty, random)
      .text;
}

/// Fills one canvas line after line.
class TextBlock {
 public:
  TextBlock(Random& random, int64_t width, int64_t height, const TableDifficulty& difficulty)
      : random_(random),
        difficulty_(difficulty),
        width_(static_cast<double>(width)),
        height_(static_cast<double>(height)),
        ink_(random_ink(difficulty, random)),
        canvas_(width, height, ink_.ground) {
    result_.text.reserve(1024);
  }

  RenderedText fill() {
    double y = random_.uniform(0, 0.4 * difficulty_.max_font_pixels);
    while (y < height_) {  // one paragraph after the other, each in its own font
      if (!add_paragraph(y)) break;
    }
    cv::Mat image = canvas_.rgb();
    const AffineMap map = degrade(image, difficulty_.degradation, to_scalar(ink_.ground),
                                  smallest_font_, SkewCanvas::kKeep, random_);
    std::vector<Glyph> visible;
    for (Glyph glyph : result_.glyphs) {
      const cv::Point2d moved = map(glyph.x, glyph.y);
      if (moved.x < 0 || moved.y < 0 || moved.x >= width_ || moved.y >= height_) continue;
      glyph.x = static_cast<float>(moved.x);
      glyph.y = static_cast<float>(moved.y);
      visible.push_back(glyph);
    }
    result_.glyphs = std::move(visible);
    result_.image = to_tensor(image);
    return std::move(result_);
  }

 private:
  /// Lines of one font from `y` on, which moves below them. False when the picture is full.
  bool add_paragraph(double& y) {
    font_ = random_font(difficulty_, random_);
    font_.bold = random_.chance(0.2);
    TextShaper::of_this_thread().set_smoothing(random_smoothing(difficulty_, random_));
    rules_ = random_.chance(0.25);
    wide_gaps_ = random_.chance(0.4);
    const double spacing = random_.uniform(1.0, 1.6);
    const int64_t lines = random_.integer(1, 6);
    for (int64_t i = 0; i < lines; ++i) {
      if (y + 1.25 * font_.pixels > height_) return false;
      const double used = add_line(y);
      if (rules_) {
        const double at = y + (used + used * spacing) / 2;
        canvas_.fill(0, at, width_, at + 1, ink_.text);
      }
      y += used * spacing + (rules_ ? 1 : 0);
    }
    smallest_font_ = std::min(smallest_font_, font_.pixels);
    return true;
  }

  /// One line of pieces; returns its height.
  double add_line(double y) {
    double x = random_.uniform(0.1, 1.2) * font_.pixels;
    double tallest = 1.2 * font_.pixels;
    int64_t piece = 0;
    for (int attempt = 0; attempt < 40 && x < width_; ++attempt) {
      const std::string text = random_piece(difficulty_, random_);
      const ShapedText shaped = TextShaper::of_this_thread().shape(text, font_);
      if (x + shaped.width() > width_ - 1 || y + shaped.height() > height_) {
        if (attempt - piece >= 4) break;  // a shorter piece may still fit
        continue;
      }
      canvas_.set_colour(ink_.text);
      shaped.draw(canvas_.cairo(), x, y);
      add_glyphs(text, shaped, x, y, piece++);
      tallest = std::max(tallest, shaped.height());
      const double gap = font_.pixels * (wide_gaps_ ? random_.uniform(0.3, 2.5) : 0.3);
      if (rules_ && gap > font_.pixels) {
        const double at = x + shaped.width() + gap / 2;
        canvas_.fill(at, y - 1, at + 1, y + tallest + 1, ink_.text);
      }
      x += shaped.width() + gap;
    }
    if (piece > 0) ++line_;
    return tallest;
  }

  void add_glyphs(const std::string& text, const ShapedText& shaped, double x, double y,
                  int64_t piece) {
    if (!result_.text.empty()) {
      result_.text += piece == 0 ? '\n' : ' ';
      ++text_length_;
    }
    for (const PlacedCharacter& c : shaped.characters()) {
      Glyph glyph;
      glyph.character = c.character;
      glyph.x = static_cast<float>(x + c.x);
      glyph.y = static_cast<float>(y + c.y);
      glyph.width = static_cast<float>(c.width);
      glyph.height = static_cast<float>(c.height);
      glyph.answer_offset = text_length_ + static_cast<int64_t>(c.index);
      glyph.row = line_;
      glyph.column = piece;
      result_.glyphs.push_back(glyph);
    }
    result_.text += text;
    text_length_ += num_code_points(text);
  }

  Random& random_;
  const TableDifficulty& difficulty_;
  double width_, height_;
  Ink ink_;
  Canvas canvas_;
  TextFont font_;
  bool rules_ = false, wide_gaps_ = false;
  double smallest_font_ = 1000;
  int64_t line_ = 0;
  int64_t text_length_ = 0;  // code points
  RenderedText result_;
};

}  // namespace

RenderedText render_text_block(Random& random, int64_t width, int64_t height,
                               const TableDifficulty& difficulty) {
  difficulty.validate();
  if (width < 1 || height < 1 || width > 16384 || height > 16384) {
    throw std::invalid_argument("data.text_image: " + std::to_string(width) + " x " +
                                std::to_string(height) + " pixels, expected 1 .. 16384 each");
  }
  return TextBlock(random, width, height, difficulty).fill();
}

}  // namespace nvlm::experiments
