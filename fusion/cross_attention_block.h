// What a stack needs of a block through which text reads the memory.
#pragma once

#include <torch/nn/module.h>

#include "common/tensor.h"
#include "decoder/cross_attention_stack.h"

namespace nvlm::fusion {

/// Cross-attention, then a feed-forward, both behind a gate; each block decides what is inside.
class CrossAttentionBlock : public torch::nn::Module {
 public:
  /// memory [batch, memory, memory width] -> its keys and values; they serve a whole generation
  virtual decoder::MemoryKeysValues project_memory(const Tensor& memory) = 0;

  /// hidden   [batch, seq, hidden]
  /// mask     [batch, seq, memory], bool, true = may attend; what a row with no true gives is the
  ///          block's own rule, by default its `hidden` as it is
  /// returns  [batch, seq, hidden]
  /// throws   c10::Error if shapes disagree
  virtual Tensor forward(const Tensor& hidden, const decoder::MemoryKeysValues& memory,
                         const Tensor& mask) = 0;

  /// What forward() would attend to with the first `num_heads` heads (0 = all).
  /// returns  [batch, num_heads, seq, memory]
  virtual Tensor probabilities(const Tensor& hidden, const decoder::MemoryKeysValues& memory,
                               const Tensor& mask, int64_t num_heads) = 0;
};

/// [batch, seq, memory] -> [batch, seq, 1], true where a row has no true
inline Tensor rows_without_memory(const Tensor& mask) {
  return mask.any(-1, /*keepdim=*/true).logical_not();
}

}  // namespace nvlm::fusion
