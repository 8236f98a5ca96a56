// Longest common subsequence, the similarity of two cell texts in GriTS.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace nvlm::eval {

/// Longest common subsequences of one pattern with many texts, bit-parallel in words of 64 rows.
/// Time of length(): ceil(pattern / 64) * text steps. Memory: ceil(pattern / 64) words for every
/// distinct symbol of the pattern.
/// source: Hyyrö 2004 (AWOCA), "Bit-parallel LCS-length computation revisited"
class CommonSubsequence {
 public:
  /// All symbols must be below `num_symbols`.
  explicit CommonSubsequence(uint32_t num_symbols) : slots_(num_symbols, 0) {}

  void set_pattern(std::span<const uint32_t> pattern);
  /// Length of the longest common subsequence of the pattern and `text`.
  int64_t length(std::span<const uint32_t> text);

 private:
  size_t num_blocks_ = 0;
  std::vector<uint32_t> pattern_;
  std::vector<uint32_t> slots_;  // per symbol: its place in masks_, from 1; 0 = not in the pattern
  std::vector<uint64_t> masks_;  // [slots, blocks]: where the symbol stands
  std::vector<uint64_t> columns_;  // a 0 bit for every step of the current column
};

/// 2 * length of the longest common subsequence / (length of a + length of b) in code points, in
/// [0, 1]; 1 if both are empty.
double subsequence_similarity(std::string_view a, std::string_view b);

}  // namespace nvlm::eval
