#include "eval/metrics/edit_distance.h"

#include <algorithm>
#include <unordered_map>

namespace nvlm::eval {
namespace {

constexpr size_t kWordBits = 64;

/// One column of one block. carry: difference along the block's upper edge, -1, 0 or 1.
/// returns the difference along its lower edge, read at `last_row`.
int advance_block(uint64_t& plus, uint64_t& minus, uint64_t match, int carry, uint64_t last_row) {
  const uint64_t carry_minus = carry < 0 ? 1 : 0;
  const uint64_t carry_plus = carry > 0 ? 1 : 0;
  const uint64_t vertical = match | minus;
  match |= carry_minus;
  const uint64_t horizontal = (((match & plus) + plus) ^ plus) | match;
  uint64_t row_plus = minus | ~(horizontal | plus);
  uint64_t row_minus = plus & horizontal;
  const int out = (row_plus & last_row) != 0 ? 1 : ((row_minus & last_row) != 0 ? -1 : 0);
  row_plus = (row_plus << 1U) | carry_plus;
  row_minus = (row_minus << 1U) | carry_minus;
  plus = row_minus | ~(vertical | row_plus);
  minus = row_plus & vertical;
  return out;
}

uint64_t last_row_of(size_t pattern_size) {
  return uint64_t{1} << ((pattern_size - 1) % kWordBits);
}

}  // namespace

EditDistance::EditDistance(uint32_t num_symbols) : bits_(num_symbols), ranges_(num_symbols) {}

void EditDistance::set_pattern(std::span<const uint32_t> pattern) {
  for (const uint32_t symbol : pattern_) {
    bits_[symbol] = 0;
    ranges_[symbol] = {0, 0};
  }
  pattern_.assign(pattern.begin(), pattern.end());
  matches_.clear();
  if (pattern_.size() <= kWordBits) {
    for (size_t i = 0; i < pattern_.size(); ++i) bits_[pattern_[i]] |= uint64_t{1} << i;
    return;
  }
  std::vector<std::pair<uint32_t, uint32_t>> positions;  // symbol, position
  positions.reserve(pattern_.size());
  for (size_t i = 0; i < pattern_.size(); ++i) {
    positions.emplace_back(pattern_[i], static_cast<uint32_t>(i));
  }
  std::sort(positions.begin(), positions.end());
  for (const auto& [symbol, position] : positions) {
    const auto block = static_cast<uint32_t>(position / kWordBits);
    const auto end = static_cast<uint32_t>(matches_.size());
    if (matches_.empty() || matches_.back().symbol != symbol) ranges_[symbol] = {end, end};
    if (ranges_[symbol].first == end || matches_.back().block != block) {
      matches_.push_back({symbol, block, 0});
      ranges_[symbol].second = end + 1;
    }
    matches_.back().bits |= uint64_t{1} << (position % kWordBits);
  }
}

int64_t EditDistance::distance(std::span<const uint32_t> text) {
  if (pattern_.empty()) return static_cast<int64_t>(text.size());
  return pattern_.size() <= kWordBits ? single_block(text) : many_blocks(text);
}

int64_t EditDistance::single_block(std::span<const uint32_t> text) const {
  const uint64_t last_row = last_row_of(pattern_.size());
  uint64_t plus = ~uint64_t{0};
  uint64_t minus = 0;
  auto result = static_cast<int64_t>(pattern_.size());
  for (const uint32_t symbol : text) {
    result += advance_block(plus, minus, bits_[symbol], 1, last_row);
  }
  return result;
}

int64_t EditDistance::many_blocks(std::span<const uint32_t> text) {
  const size_t num_blocks = (pattern_.size() + kWordBits - 1) / kWordBits;
  const uint64_t last_row = last_row_of(pattern_.size());
  const uint64_t top_bit = uint64_t{1} << (kWordBits - 1);
  plus_.assign(num_blocks, ~uint64_t{0});
  minus_.assign(num_blocks, 0);
  auto result = static_cast<int64_t>(pattern_.size());
  for (const uint32_t symbol : text) {
    auto [next, end] = ranges_[symbol];
    int carry = 1;
    for (size_t block = 0; block < num_blocks; ++block) {
      uint64_t match = 0;
      if (next < end && matches_[next].block == block) match = matches_[next++].bits;
      carry = advance_block(plus_[block], minus_[block], match, carry,
                            block + 1 == num_blocks ? last_row : top_bit);
    }
    result += carry;
  }
  return result;
}

int64_t edit_distance(std::span<const uint32_t> a, std::span<const uint32_t> b) {
  size_t prefix = 0;
  while (prefix < a.size() && prefix < b.size() && a[prefix] == b[prefix]) ++prefix;
  a = a.subspan(prefix);
  b = b.subspan(prefix);
  while (!a.empty() && !b.empty() && a.back() == b.back()) {
    a = a.first(a.size() - 1);
    b = b.first(b.size() - 1);
  }
  if (a.size() > b.size()) std::swap(a, b);
  if (a.empty()) return static_cast<int64_t>(b.size());

  std::unordered_map<uint32_t, uint32_t> dense;  // 0 stands for all symbols that `a` lacks
  std::vector<uint32_t> pattern;
  std::vector<uint32_t> text;
  pattern.reserve(a.size());
  text.reserve(b.size());
  for (const uint32_t symbol : a) {
    pattern.push_back(
        dense.try_emplace(symbol, static_cast<uint32_t>(dense.size() + 1)).first->second);
  }
  for (const uint32_t symbol : b) {
    const auto found = dense.find(symbol);
    text.push_back(found == dense.end() ? 0 : found->second);
  }
  EditDistance engine(static_cast<uint32_t>(dense.size() + 1));
  engine.set_pattern(pattern);
  return engine.distance(text);
}

int64_t edit_distance(std::u32string_view a, std::u32string_view b) {
  const std::vector<uint32_t> symbols_a(a.begin(), a.end());
  const std::vector<uint32_t> symbols_b(b.begin(), b.end());
  return edit_distance(std::span<const uint32_t>(symbols_a), std::span<const uint32_t>(symbols_b));
}

}  // namespace nvlm::eval
