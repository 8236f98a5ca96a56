#include "eval/readers/rules/columns.h"

#include <algorithm>
#include <cmath>

namespace nvlm::eval {
namespace {

constexpr double kRuledShare = 0.25;     // of the text's height that vertical rules must reach
constexpr double kCrossingShare = 0.07;  // of the lines that may cross a corridor
constexpr double kFewestPixels = 4;      // that a corridor has, however small the print
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

/// Corridors between x = from and x = to.
void append_corridors(const std::vector<TextLine>& body, const Extent& within, double glyph,
                      double space, std::vector<ColumnEdge>& edges) {
  std::vector<int> crossing(static_cast<size_t>(within.right - within.left) + 1, 0);
  size_t num_lines = 0;
  for (const TextLine& line : body) {
    // Words that are no farther apart than words usually are hide no corridor.
    bool any = false;
    for (const TextLine& chunk : chunks(line, space * 1.25)) {
      const int64_t left = std::max(chunk.box.left, within.left);
      const int64_t right = std::min(chunk.box.right, within.right);
      if (left >= right) continue;
      any = true;
      for (int64_t x = left; x < right; ++x) ++crossing[static_cast<size_t>(x - within.left)];
    }
    num_lines += any ? 1 : 0;
  }
  if (num_lines == 0) return;
  const int tolerated = static_cast<int>(kCrossingShare * static_cast<double>(num_lines));
  const double narrowest =
      std::max({kSpaces * space, narrowest_corridor(num_lines) * glyph, kFewestPixels});
  int64_t run = -1;
  bool seen_text = false;
  for (int64_t x = within.left; x <= within.right; ++x) {
    const bool is_free =
        x < within.right && crossing[static_cast<size_t>(x - within.left)] <= tolerated;
    if (is_free) {
      if (run < 0) run = x;
      continue;
    }
    const bool ends_at_text = x < within.right;
    if (run >= 0 && seen_text && ends_at_text && static_cast<double>(x - run) >= narrowest) {
      edges.push_back({(run + x) / 2, {}});
    }
    seen_text = seen_text || ends_at_text;
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
    append_corridors(body, {limits[i], limits[i + 1]}, page.glyph, space, edges);
  }
  std::sort(edges.begin(), edges.end(),
            [](const ColumnEdge& a, const ColumnEdge& b) { return a.at < b.at; });
  return edges;
}

}  // namespace nvlm::eval
