#include "experiments/data/glyph.h"

#include <algorithm>
#include <cmath>

namespace nvlm::experiments {

double median_glyph_height(const std::vector<Glyph>& glyphs) {
  if (glyphs.empty()) return 0.0;
  std::vector<float> heights;
  for (const Glyph& glyph : glyphs) heights.push_back(glyph.height);
  const auto middle = heights.begin() + static_cast<std::ptrdiff_t>(heights.size() / 2);
  std::nth_element(heights.begin(), middle, heights.end());
  return std::round(10.0 * static_cast<double>(*middle)) / 10.0;
}

}  // namespace nvlm::experiments
