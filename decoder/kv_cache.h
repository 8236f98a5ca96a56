// Preallocated keys and values of one generation.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "common/tensor.h"
#include "decoder/cross_attention_stack.h"

namespace nvlm::decoder {

/// Keys and values of every layer for up to `capacity` positions, and of the cross-attention
/// memory, which is projected once.
class KvCache {
 public:
  /// Allocates [batch, kv_heads, capacity, head_dim] twice per layer.
  KvCache(int64_t layers, int64_t batch, int64_t kv_heads, int64_t head_dim, int64_t capacity,
          at::TensorOptions options);

  /// Positions filled so far.
  int64_t length() const { return length_; }

  /// Stores the keys and values of new positions and returns all of them so far.
  /// keys, values  [batch, kv_heads, seq, head_dim]
  std::pair<Tensor, Tensor> append(int64_t layer, const Tensor& keys, const Tensor& values);

  /// Notes which of the `seq` new positions are real; call once per forward, after all layers'
  /// keys are known to fit. returns [batch, length + seq] bool over all positions so far.
  Tensor extend_mask(const Tensor& attention_mask);

  /// Moves on by `seq` positions; call once per forward, at its end.
  void advance(int64_t seq);

  /// Keys and values of the memory for a block; projected by the first caller.
  std::vector<std::optional<MemoryKeysValues>> memory;  // by block

 private:
  std::vector<Tensor> keys_, values_;
  Tensor mask_;  // [batch, capacity]
  int64_t length_ = 0;
  int64_t capacity_;
};

}  // namespace nvlm::decoder
