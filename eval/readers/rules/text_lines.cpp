#include "eval/readers/rules/text_lines.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "eval/text/code_points.h"

namespace nvlm::eval {

double middle_of(const OcrWord& word) {
  return 0.5 * static_cast<double>(word.box.top + word.box.bottom);
}

void TextLine::append(OcrWord word) {
  box = words.empty() ? word.box : united(box, word.box);
  words.push_back(std::move(word));
}

std::vector<TextLine> text_lines(std::vector<OcrWord> words, double glyph) {
  std::sort(words.begin(), words.end(),
            [](const OcrWord& a, const OcrWord& b) { return middle_of(a) < middle_of(b); });
  std::vector<TextLine> lines;
  double mean = 0;
  for (OcrWord& word : words) {
    const double middle = middle_of(word);
    if (lines.empty() || middle - mean > 0.6 * glyph) {
      lines.emplace_back();
      mean = middle;
    }
    const auto count = static_cast<double>(lines.back().words.size());
    mean = (mean * count + middle) / (count + 1);
    lines.back().append(std::move(word));
  }
  for (TextLine& line : lines) {
    std::sort(line.words.begin(), line.words.end(),
              [](const OcrWord& a, const OcrWord& b) { return a.box.left < b.box.left; });
  }
  return lines;
}

double word_space(const std::vector<TextLine>& lines, double glyph) {
  std::vector<double> gaps;
  for (const TextLine& line : lines) {
    for (size_t i = 1; i < line.words.size(); ++i) {
      const auto gap = static_cast<double>(line.words[i].box.left - line.words[i - 1].box.right);
      if (gap > 0 && gap < 1.2 * glyph) gaps.push_back(gap);
    }
  }
  if (gaps.size() < 8) return 0.45 * glyph;
  const auto middle = gaps.begin() + static_cast<std::ptrdiff_t>(gaps.size() / 2);
  std::nth_element(gaps.begin(), middle, gaps.end());
  return std::clamp(*middle, 0.25 * glyph, 0.8 * glyph);
}

std::vector<TextLine> chunks(const TextLine& line, double gap) {
  std::vector<TextLine> result;
  for (const OcrWord& word : line.words) {
    if (result.empty() || static_cast<double>(word.box.left - result.back().box.right) > gap) {
      result.emplace_back();
    }
    result.back().append(word);
  }
  return result;
}

std::vector<OcrWord> without_leaders(std::vector<OcrWord> words) {
  std::vector<OcrWord> kept;
  for (OcrWord& word : words) {
    const std::u32string text = decode_utf8(word.text);
    const auto is_dot = [](char32_t c) {
      return c == U'.' || c == U'…' || c == U'·' || c == U'_' || c == U'‥';
    };
    size_t end = text.size();
    while (end > 0 && is_dot(text[end - 1])) --end;
    const size_t dots = text.size() - end;
    if (dots >= 3) {
      if (end == 0) continue;
      const double share = static_cast<double>(end) / static_cast<double>(text.size());
      word.box.right =
          word.box.left +
          std::max<int64_t>(
              1, std::lround(share * static_cast<double>(word.box.right - word.box.left)));
      word.text = encode_utf8(std::u32string_view(text).substr(0, end));
    }
    kept.push_back(std::move(word));
  }
  return kept;
}

bool is_numeric(const std::string& text) {
  static const std::set<std::string> kNone = {"-",   "--", "—",  "–",    "..",  "...", "n.a.",
                                              "n.a", "na", "NA", "N/A",  "n/a", "x",   "X",
                                              "*",   "**", ":",  "n.d.", "(-)", "(X)", "(x)"};
  if (kNone.contains(text)) return true;
  size_t digits = 0, letters = 0;
  for (const char32_t c : decode_utf8(text)) {
    if (c >= U'0' && c <= U'9') ++digits;
    if ((c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z') || c > 0x2FF) ++letters;
    if (c == U'—' || c == U'–' || c == U'−' || c == U'€' || c == U'‘' || c == U'’') --letters;
  }
  return digits > 0 && letters <= 1;
}

}  // namespace nvlm::eval
