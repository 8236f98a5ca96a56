#include "decoder/tokenizer/pair_counts.h"

namespace nvlm::decoder {
namespace {

uint64_t pair_key(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

}  // namespace

void PairCounts::add_word(std::vector<int32_t> symbols, int64_t frequency) {
  const size_t word = words_.size();
  for (size_t i = 0; i + 1 < symbols.size(); ++i) {
    change(symbols[i], symbols[i + 1], frequency, word);
  }
  words_.push_back({std::move(symbols), frequency});
}

void PairCounts::change(int32_t left, int32_t right, int64_t by, size_t word) {
  const uint64_t key = pair_key(left, right);
  Entry& entry = pairs_[key];
  entry.count += by;
  if (by > 0) entry.words.insert(word);
  changed_.insert(key);
}

std::optional<PairCounts::Pair> PairCounts::best(int64_t min_count) {
  for (const uint64_t key : changed_) {
    const auto entry = pairs_.find(key);
    if (entry != pairs_.end() && entry->second.count > 0) heap_.push({entry->second.count, key});
  }
  changed_.clear();
  while (!heap_.empty() && heap_.top().count >= min_count) {
    const Candidate top = heap_.top();
    const auto entry = pairs_.find(top.key);
    if (entry != pairs_.end() && entry->second.count == top.count) {
      return Pair{static_cast<int32_t>(top.key >> 32), static_cast<int32_t>(top.key & 0xFFFFFFFFU),
                  top.count};
    }
    heap_.pop();
  }
  return std::nullopt;
}

void PairCounts::merge(const Pair& pair, int32_t merged) {
  const uint64_t key = pair_key(pair.left, pair.right);
  const std::unordered_set<size_t> affected = std::move(pairs_[key].words);
  for (const size_t index : affected) {
    Word& word = words_[index];
    std::vector<int32_t>& symbols = word.symbols;
    std::vector<int32_t> shorter;
    for (size_t i = 0; i < symbols.size(); ++i) {
      const bool here =
          i + 1 < symbols.size() && symbols[i] == pair.left && symbols[i + 1] == pair.right;
      shorter.push_back(here ? merged : symbols[i]);
      if (here) ++i;
    }
    if (shorter.size() == symbols.size()) continue;  // the pair has gone with an earlier merge
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      change(symbols[i], symbols[i + 1], -word.frequency, index);
    }
    for (size_t i = 0; i + 1 < shorter.size(); ++i) {
      change(shorter[i], shorter[i + 1], word.frequency, index);
    }
    symbols = std::move(shorter);
  }
  pairs_.erase(key);
}

}  // namespace nvlm::decoder
