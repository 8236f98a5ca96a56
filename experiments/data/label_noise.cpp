#include "experiments/data/label_noise.h"

#include <map>
#include <string_view>
#include <utility>

#include "experiments/data/utf8.h"

namespace nvlm::experiments {

int64_t corrupt_cells(std::string& answer, const std::vector<Glyph>& glyphs, double share,
                      Random& random) {
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  std::u32string text = code_points(answer);
  std::map<std::pair<int64_t, int64_t>, bool> is_wrong;  // by row and column
  int64_t changed = 0;
  for (const Glyph& glyph : glyphs) {
    const auto [cell, is_new] = is_wrong.emplace(std::pair{glyph.row, glyph.column}, false);
    if (is_new) {
      cell->second = random.chance(share);
      changed += cell->second ? 1 : 0;
    }
    if (!cell->second || glyph.character == U'|') continue;  // a pipe is written with a backslash
    text[static_cast<size_t>(glyph.answer_offset)] =
        static_cast<char32_t>(kLetters[static_cast<size_t>(
            random.integer(0, static_cast<int64_t>(kLetters.size()) - 1))]);
  }
  answer.clear();
  for (const char32_t character : text) answer += to_utf8(character);
  return changed;
}

}  // namespace nvlm::experiments
