// Shaped text: Pango layouts in known fonts, and where each of their characters lies.
#pragma once

#include <pango/pangocairo.h>

#include <memory>
#include <string>
#include <vector>

#include "experiments/data/table_spec.h"

namespace nvlm::experiments {

struct TextFont {
  std::string family;
  double pixels = 16;  // em size
  bool bold = false, italic = false;
};

/// How edges of letters are drawn.
struct TextSmoothing {
  bool as_outlines = false;     // exact sub-pixel positions, no hinting
  int64_t hinting = 0;          // 0 none, 1 slight, 2 full
  bool coloured_edges = false;  // LCD order RGB
};

/// A character of a shaped text, relative to the text's top-left corner.
struct PlacedCharacter {
  size_t index = 0;  // in code points within the text
  char32_t character = 0;
  double x = 0, y = 0;  // centre, pixels
  double width = 0, height = 0;
};

/// A text that knows its extent; draws itself.
class ShapedText {
 public:
  double width() const { return width_; }    // pixels
  double height() const { return height_; }  // pixels
  /// Draws in the cairo context's colour with the top-left corner at (x, y).
  void draw(cairo_t* cairo, double x, double y) const;
  /// Every character but blanks and line breaks, in reading order.
  std::vector<PlacedCharacter> characters() const;

 private:
  friend class TextShaper;
  struct Unref {
    void operator()(PangoLayout* layout) const { g_object_unref(layout); }
  };
  std::unique_ptr<PangoLayout, Unref> layout_;
  std::string text_;
  double width_ = 0, height_ = 0;
  bool as_outlines_ = false;
};

/// Makes shaped texts; one per thread, kept, because fonts are expensive to open.
class TextShaper {
 public:
  static TextShaper& of_this_thread();
  TextShaper(const TextShaper&) = delete;
  TextShaper& operator=(const TextShaper&) = delete;
  ~TextShaper();

  /// For the texts that are shaped from now on.
  void set_smoothing(const TextSmoothing& smoothing);

  /// text          UTF-8; '\n' breaks lines
  /// raised        so many code points at the end become a superscript
  /// line_spacing  factor on the font's own
  /// throws        std::runtime_error if the family is not installed (naming the Debian package) or
  ///               lacks a character
  ShapedText shape(const std::string& text, const TextFont& font,
                   Alignment alignment = Alignment::kLeft, int64_t raised = 0,
                   double line_spacing = 1.0);

 private:
  TextShaper();
  void require_family(const std::string& family);

  PangoFontMap* fonts_ = nullptr;
  PangoContext* context_ = nullptr;
  TextSmoothing smoothing_;
  std::vector<std::string> known_families_;
};

}  // namespace nvlm::experiments
