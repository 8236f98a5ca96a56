#include "eval/metrics/common_subsequence.h"

#include <bit>
#include <string>
#include <unordered_map>

#include "eval/text/code_points.h"

namespace nvlm::eval {
namespace {

constexpr size_t kLcsWordBits = 64;

}  // namespace

void CommonSubsequence::set_pattern(std::span<const uint32_t> pattern) {
  for (const uint32_t symbol : pattern_) slots_[symbol] = 0;
  pattern_.assign(pattern.begin(), pattern.end());
  num_blocks_ = (pattern_.size() + kLcsWordBits - 1) / kLcsWordBits;
  masks_.clear();
  uint32_t num_slots = 0;
  for (size_t i = 0; i < pattern_.size(); ++i) {
    uint32_t& slot = slots_[pattern_[i]];
    if (slot == 0) {
      slot = ++num_slots;
      masks_.resize(num_slots * num_blocks_, 0);
    }
    masks_[(slot - 1) * num_blocks_ + i / kLcsWordBits] |= uint64_t{1} << (i % kLcsWordBits);
  }
}

int64_t CommonSubsequence::length(std::span<const uint32_t> text) {
  columns_.assign(num_blocks_, ~uint64_t{0});
  for (const uint32_t symbol : text) {
    const uint32_t slot = slots_[symbol];
    if (slot == 0) continue;
    const uint64_t* mask = masks_.data() + (slot - 1) * num_blocks_;
    uint64_t carry = 0;
    for (size_t block = 0; block < num_blocks_; ++block) {
      const uint64_t column = columns_[block];
      const uint64_t matched = column & mask[block];
      const uint64_t partial = column + matched;
      const uint64_t sum = partial + carry;
      carry = static_cast<uint64_t>(partial < column) | static_cast<uint64_t>(sum < partial);
      columns_[block] = sum | (column & ~mask[block]);
    }
  }
  int64_t result = 0;
  for (size_t block = 0; block < num_blocks_; ++block) {
    uint64_t zeros = ~columns_[block];
    const size_t used = pattern_.size() - block * kLcsWordBits;
    if (used < kLcsWordBits) zeros &= (uint64_t{1} << used) - 1;
    result += std::popcount(zeros);
  }
  return result;
}

double subsequence_similarity(std::string_view a, std::string_view b) {
  const std::u32string code_points_a = decode_utf8(a);
  const std::u32string code_points_b = decode_utf8(b);
  const size_t total = code_points_a.size() + code_points_b.size();
  if (total == 0) return 1.0;
  std::unordered_map<char32_t, uint32_t> numbers;
  const auto number = [&numbers](const std::u32string& text) {
    std::vector<uint32_t> symbols;
    symbols.reserve(text.size());
    for (const char32_t c : text) {
      symbols.push_back(
          numbers.try_emplace(c, static_cast<uint32_t>(numbers.size())).first->second);
    }
    return symbols;
  };
  const std::vector<uint32_t> symbols_a = number(code_points_a);
  const std::vector<uint32_t> symbols_b = number(code_points_b);
  CommonSubsequence engine(static_cast<uint32_t>(numbers.size()));
  engine.set_pattern(symbols_a);
  return 2.0 * static_cast<double>(engine.length(symbols_b)) / static_cast<double>(total);
}

}  // namespace nvlm::eval
