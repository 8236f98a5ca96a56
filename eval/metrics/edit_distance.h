// Levenshtein distance over code points, words or any symbols: insert, delete, replace cost 1 each.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace nvlm::eval {

/// Distances of one pattern to many texts, by bit-parallel columns of 64 rows.
/// Time of distance(): ceil(pattern / 64) * text steps. Memory: proportional to the pattern and the
/// number of symbols, whatever the text.
/// source: Myers 1999 (JACM 46:3) in the block form of Hyyrö 2003
class EditDistance {
 public:
  /// All symbols must be below `num_symbols`.
  explicit EditDistance(uint32_t num_symbols);

  void set_pattern(std::span<const uint32_t> pattern);
  /// Levenshtein distance of the pattern and `text`.
  int64_t distance(std::span<const uint32_t> text);

 private:
  /// Where a symbol stands within one block of 64 pattern positions.
  struct Match {
    uint32_t symbol, block;
    uint64_t bits;
  };
  int64_t single_block(std::span<const uint32_t> text) const;
  int64_t many_blocks(std::span<const uint32_t> text);

  std::vector<uint32_t> pattern_;
  std::vector<uint64_t> bits_;                         // per symbol; patterns of one block
  std::vector<std::pair<uint32_t, uint32_t>> ranges_;  // per symbol, into matches_; longer patterns
  std::vector<Match> matches_;                         // by symbol, then block
  std::vector<uint64_t> plus_, minus_;                 // vertical differences, one word per block
};

/// Levenshtein distance of two sequences of any symbols. Memory grows with the sum of the lengths.
int64_t edit_distance(std::span<const uint32_t> a, std::span<const uint32_t> b);

/// The same over code points.
int64_t edit_distance(std::u32string_view a, std::u32string_view b);

/// The same over sequences of any ordered type, such as words.
template <class T>
int64_t edit_distance(const std::vector<T>& a, const std::vector<T>& b) {
  std::map<T, uint32_t> numbers;
  const auto number = [&numbers](const std::vector<T>& sequence) {
    std::vector<uint32_t> symbols;
    symbols.reserve(sequence.size());
    for (const T& entry : sequence) {
      symbols.push_back(
          numbers.try_emplace(entry, static_cast<uint32_t>(numbers.size())).first->second);
    }
    return symbols;
  };
  const std::vector<uint32_t> symbols_a = number(a);
  const std::vector<uint32_t> symbols_b = number(b);
  return edit_distance(std::span<const uint32_t>(symbols_a), std::span<const uint32_t>(symbols_b));
}

}  // namespace nvlm::eval
