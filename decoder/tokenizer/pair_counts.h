// The counting half of BPE training: which neighbouring pair is the most frequent, kept up to date.
#pragma once

#include <cstdint>
#include <optional>
#include <queue>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace nvlm::decoder {

/// A set of words with their frequencies, and the counts of all neighbouring pairs in it.
class PairCounts {
 public:
  struct Pair {
    int32_t left, right;
    int64_t count;
  };

  /// Adds a word, given as ids, that occurs `frequency` times.
  void add_word(std::vector<int32_t> symbols, int64_t frequency);

  /// The most frequent pair; of equally frequent ones that with the smaller (left, right).
  /// Nothing if no pair occurs `min_count` times.
  std::optional<Pair> best(int64_t min_count);

  /// Replaces the pair by `merged` wherever it stands, from left to right in each word.
  void merge(const Pair& pair, int32_t merged);

 private:
  struct Word {
    std::vector<int32_t> symbols;
    int64_t frequency;
  };
  struct Entry {
    int64_t count = 0;
    std::unordered_set<size_t> words;  // in which the pair stands, or stood once
  };
  struct Candidate {
    int64_t count;
    uint64_t key;
    bool operator<(const Candidate& other) const {
      return count != other.count ? count < other.count : key > other.key;
    }
  };

  void change(int32_t left, int32_t right, int64_t by, size_t word);

  std::vector<Word> words_;
  std::unordered_map<uint64_t, Entry> pairs_;
  std::unordered_set<uint64_t> changed_;  // pairs whose count is not on the heap yet
  std::priority_queue<Candidate> heap_;   // also holds counts that are out of date
};

}  // namespace nvlm::decoder
