// Words in lines, and lines in chunks that belong together.
#pragma once

#include <cstdint>
#include <vector>

#include "eval/readers/tesseract_ocr.h"

namespace nvlm::eval {

/// Words from left to right.
struct TextLine {
  std::vector<OcrWord> words;
  PixelBox box;

  /// Adds a word at the right end.
  void append(OcrWord word);
  double centre() const { return 0.5 * static_cast<double>(box.top + box.bottom); }
};

/// The y of a word's middle.
double middle_of(const OcrWord& word);

/// Words side by side, from top to bottom. A word belongs to the line whose middle is nearest, if
/// it is within 0.6 glyphs.
std::vector<TextLine> text_lines(std::vector<OcrWord> words, double glyph);

/// The usual blank between two words of a line, in pixels; 0.45 glyphs if there are too few to
/// tell.
double word_space(const std::vector<TextLine>& lines, double glyph);

/// The words of a line that stand no farther apart than `gap` pixels, as lines of their own.
std::vector<TextLine> chunks(const TextLine& line, double gap);

/// Dot leaders: words of nothing but dots go, and dots that trail a word are cut off it.
std::vector<OcrWord> without_leaders(std::vector<OcrWord> words);

/// Whether a text is a number as tables write them: digits with marks, units and signs, or a mark
/// that stands for none ("-", "n.a.", "..").
bool is_numeric(const std::string& text);

}  // namespace nvlm::eval
