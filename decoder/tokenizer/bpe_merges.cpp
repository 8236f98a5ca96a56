#include "decoder/tokenizer/bpe_merges.h"

#include <algorithm>
#include <cstddef>

namespace nvlm::decoder {
namespace {

constexpr size_t kNone = static_cast<size_t>(-1);

uint64_t merge_key(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

/// A symbol with its neighbours; one that was merged into its left neighbour has symbol -1.
struct SymbolNode {
  int32_t symbol;
  size_t previous, next;
};

struct MergeCandidate {
  int32_t rank;
  int32_t merged;
  size_t position;  // of the left symbol
  int32_t left, right;

  /// Order of a heap whose top is the smallest (rank, position).
  bool operator<(const MergeCandidate& other) const {
    return rank != other.rank ? rank > other.rank : position > other.position;
  }
};

}  // namespace

void BpeMerges::add(int32_t left, int32_t right, int32_t merged) {
  merges_[merge_key(left, right)] = {next_rank_++, merged};
}

const BpeMerges::Merge* BpeMerges::find(int32_t left, int32_t right) const {
  const auto merge = merges_.find(merge_key(left, right));
  return merge == merges_.end() ? nullptr : &merge->second;
}

void BpeMerges::apply(std::vector<int32_t>& symbols) const {
  if (symbols.size() < 2) return;
  std::vector<SymbolNode> nodes(symbols.size());
  for (size_t i = 0; i < nodes.size(); ++i) {
    nodes[i] = {symbols[i], i == 0 ? kNone : i - 1, i + 1 == nodes.size() ? kNone : i + 1};
  }

  std::vector<MergeCandidate> heap;
  heap.reserve(nodes.size());
  const auto candidate = [&](size_t position) {
    const int32_t left = nodes[position].symbol, right = nodes[nodes[position].next].symbol;
    const Merge* merge = find(left, right);
    if (merge == nullptr) return false;
    heap.push_back({merge->rank, merge->merged, position, left, right});
    return true;
  };
  for (size_t i = 0; i + 1 < nodes.size(); ++i) candidate(i);
  std::make_heap(heap.begin(), heap.end());

  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end());
    const MergeCandidate best = heap.back();
    heap.pop_back();
    SymbolNode& left = nodes[best.position];
    const size_t right_position = left.next;
    if (left.symbol != best.left || right_position == kNone ||
        nodes[right_position].symbol != best.right) {
      continue;  // one of the two has become part of something else meanwhile
    }
    left.symbol = best.merged;
    left.next = nodes[right_position].next;
    nodes[right_position].symbol = -1;
    if (left.next != kNone) {
      nodes[left.next].previous = best.position;
      if (candidate(best.position)) std::push_heap(heap.begin(), heap.end());
    }
    if (left.previous != kNone && candidate(left.previous)) {
      std::push_heap(heap.begin(), heap.end());
    }
  }

  symbols.clear();
  for (size_t i = 0; i != kNone; i = nodes[i].next) symbols.push_back(nodes[i].symbol);
}

}  // namespace nvlm::decoder
