// Looks at attention probabilities while a forward pass runs: for attention maps and for the
// attention guidance of training. A forward without a probe uses fused kernels and keeps nothing.
#pragma once

#include <cstdint>
#include <map>
#include <set>

#include "common/tensor.h"

namespace nvlm::decoder {

/// Names the places to look at; the forward pass fills in what it saw, with its gradient.
struct AttentionProbe {
  std::set<int64_t> self_layers;   // decoder layers whose self-attention is wanted
  std::set<int64_t> cross_blocks;  // cross-attention blocks that are wanted
  int64_t heads = 0;               // only the first so many heads are wanted; 0 = all

  std::map<int64_t, Tensor> self_probabilities;   // layer -> [batch, heads, seq, keys]
  std::map<int64_t, Tensor> cross_probabilities;  // block -> [batch, heads, seq, memory]
};

}  // namespace nvlm::decoder
