// A cross-attention stack without parameters that writes down what the decoder asks of it.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "decoder/cross_attention_stack.h"

namespace nvlm::test {

/// Block b stands before layer depths[b]. It adds the mean of the memory rows that a position may
/// see, times b + 1.
class ToyCrossAttention : public decoder::CrossAttentionStack {
 public:
  explicit ToyCrossAttention(std::vector<int64_t> depths) : depths_(std::move(depths)) {}

  int64_t num_blocks() const override { return static_cast<int64_t>(depths_.size()); }

  std::optional<int64_t> block_at(int64_t depth) const override {
    asked.push_back(depth);
    for (size_t block = 0; block < depths_.size(); ++block) {
      if (depths_[block] == depth) return static_cast<int64_t>(block);
    }
    return std::nullopt;
  }

  decoder::MemoryKeysValues project_memory(int64_t block, const Tensor& memory) override {
    ++projections[block];
    const Tensor scaled = (memory * static_cast<double>(block + 1)).unsqueeze(1);
    return {scaled, scaled};  // [batch, 1, memory, hidden]
  }

  Tensor update(int64_t block, const Tensor& hidden, const decoder::MemoryKeysValues& memory,
                const Tensor& mask, decoder::AttentionProbe*) override {
    updates.push_back(block);
    const Tensor weights = mask.to(hidden.scalar_type());  // [batch, seq, memory]
    const Tensor count = weights.sum(-1, /*keepdim=*/true).clamp_min(1);
    return hidden + at::matmul(weights / count, memory.values.squeeze(1));
  }

  mutable std::vector<int64_t> asked;      // depths, in order
  std::vector<int64_t> updates;            // blocks, in order
  std::map<int64_t, int64_t> projections;  // block -> how often

 private:
  std::vector<int64_t> depths_;
};

}  // namespace nvlm::test
