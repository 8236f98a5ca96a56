#include "eval/readers/rules/columns.h"

#include <algorithm>
#include <cmath>

namespace nvlm::eval {
namespace {

constexpr double kRuledShare = 0.25;     // of the text's height that vertical rules must reach
constexpr double kCrossingShare = 0.07;  // of the lines that may cross a corridor
constexpr double kFewestPixels = 4;      // that a corridor has, however small the print
constexpr double kTightBlank = 1.25;     // of a blank between words: no gap at all
constexpr double kSpaces = 1.7;          // blanks between words that a corridor must exceed

/// In glyphs, by the number of lines that show it.
double narrowest_corridor(size_t lines) {
  if (lines >= 6) return 0.55;
  if (lines >= 4) return 0.7;
  if (lines == 3) return 0.85;
  return lines == 2 ? 1.0 : 1.5;
}

struct Extent {
  int64_t left = 0, right = 0;
};

Extent extent_of(const std::vector<TextLine>& lines) {
  Extent extent{lines[0].box.left, lines[0].box.right};
  for (const TextLine& line : lines) {
    extent.left = std::min(extent.left, line.box.left);
    extent.right = std::max(extent.right, line.box.right);
  }
  return extent;
}

std::vector<ColumnEdge> ruled_edges(const CleanPage& page, const std::vector<TextLine>& all) {
  std::vector<ColumnEdge> edges;
  const Extent text = extent_of(all);
  const int64_t top = all.front().box.top, bottom = all.back().box.bottom;
  for (const Rule& rule : page.vertical) {
    if (edges.empty() ||
        static_cast<double>(rule.at - edges.back().rules.back().at) > 0.8 * page.glyph) {
      edges.push_back({rule.at, {}});
    }
    edges.back().rules.push_back(rule);
  }
  const auto is_edge = [&](ColumnEdge& edge) {
    int64_t length = 0, at = 0;
    for (const Rule& rule : edge.rules) {
      length += std::max<int64_t>(0, std::min(rule.to, bottom) - std::max(rule.from, top));
      at += rule.at;
    }
    edge.at = at / static_cast<int64_t>(edge.rules.size());
    return static_cast<double>(length) >= kRuledShare * static_cast<double>(bottom - top) &&
           edge.at > text.left && edge.at < text.right;
  };
  std::erase_if(edges, [&](ColumnEdge& edge) { return !is_edge(edge); });
  return edges;
}

/// How many lines have text at each x of an extent.
struct Coverage {
  std::vector<int> lines;  // per x
  size_t num_lines = 0;    // that have any text there
};

/// gap  blanks up to this count as text
Coverage coverage_of(const std::vector<TextLine>& lines, const Extent& within, double gap) {
  Coverage coverage;
  coverage.lines.assign(static_cast<size_t>(within.right - within.left) + 1, 0);
  for (const TextLine& line : lines) {
    bool any = false;
    for (const TextLine& chunk : chunks(line, gap)) {
      const int64_t left = std::max(chunk.box.left, within.left);
      const int64_t right = std::min(chunk.box.right, within.right);
      any = any || left < right;
      for (int64_t x = left; x < right; ++x) {
        ++coverage.lines[static_cast<size_t>(x - within.left)];
      }
    }
    coverage.num_lines += any ? 1 : 0;
  }
  return coverage;
}

/// The middle of the widest stretch of [from, to) that the fewest lines cross: headers are often
/// wider than what stands below them.
int64_t best_place(const Coverage& all, int64_t from, int64_t to) {
  const auto begin = all.lines.begin();
  const int fewest = *std::min_element(begin + from, begin + to);
  int64_t best = from, longest = 0;
  for (int64_t x = from; x < to;) {
    int64_t end = x;
    while (end < to && all.lines[static_cast<size_t>(end)] == fewest) ++end;
    if (end - x > longest) {
      longest = end - x;
      best = x + longest / 2;
    }
    x = std::max(end, x + 1);
  }
  return best;
}

/// Corridors of the body within an extent.
void append_corridors(const std::vector<TextLine>& all, const std::vector<TextLine>& body,
                      const Extent& within, double glyph, double space,
                      std::vector<ColumnEdge>& edges) {
  // Words that are no farther apart than words usually are hide no corridor.
  const Coverage coverage = coverage_of(body, within, kTightBlank * space);
  if (coverage.num_lines == 0) return;
  const Coverage of_all = coverage_of(all, within, kTightBlank * space);
  const int tolerated = static_cast<int>(kCrossingShare * static_cast<double>(coverage.num_lines));
  const double narrowest =
      std::max({kSpaces * space, narrowest_corridor(coverage.num_lines) * glyph, kFewestPixels});
  const int64_t width = within.right - within.left;
  int64_t run = -1;
  bool seen_text = false;
  for (int64_t x = 0; x < width; ++x) {
    if (coverage.lines[static_cast<size_t>(x)] <= tolerated) {
      if (run < 0) run = x;
      continue;
    }
    if (run >= 0 && seen_text && static_cast<double>(x - run) >= narrowest) {
      edges.push_back({within.left + best_place(of_all, run, x), {}});
    }
    seen_text = true;
    run = -1;
  }
}

}  // namespace

std::vector<ColumnEdge> column_edges(const CleanPage& page, const std::vector<TextLine>& all,
                                     const std::vector<TextLine>& body) {
  if (all.empty()) return {};
  std::vector<ColumnEdge> edges = ruled_edges(page, all);
  const Extent text = extent_of(all);
  const double space = word_space(all, page.glyph);
  std::vector<int64_t> limits{text.left};
  for (const ColumnEdge& edge : edges) limits.push_back(edge.at);
  limits.push_back(text.right);
  for (size_t i = 0; i + 1 < limits.size(); ++i) {
    append_corridors(all, body, {limits[i], limits[i + 1]}, page.glyph, space, edges);
  }
  std::sort(edges.begin(), edges.end(),
            [](const ColumnEdge& a, const ColumnEdge& b) { return a.at < b.at; });
  return edges;
}

}  // namespace nvlm::eval
