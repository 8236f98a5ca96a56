// The merging loop of byte-pair encoding.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace nvlm::decoder {

/// Which neighbouring tokens become one, and in which order.
class BpeMerges {
 public:
  /// Adds a merge that comes after all added before; a pair that is added again takes the later
  /// place, as in the tokenizers library.
  void add(int32_t left, int32_t right, int32_t merged);

  /// Merges within `symbols` until no pair is left that may be merged: always the pair that was
  /// added first, the leftmost of equal ones. O(n log n).
  /// source  Sennrich et al., arXiv 1508.07909
  void apply(std::vector<int32_t>& symbols) const;

 private:
  struct Merge {
    int32_t rank;
    int32_t merged;
  };
  const Merge* find(int32_t left, int32_t right) const;

  std::unordered_map<uint64_t, Merge> merges_;
  int32_t next_rank_ = 0;
};

}  // namespace nvlm::decoder
