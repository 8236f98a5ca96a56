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
/// memory, which is projected once. No gradient flows through a cache.
class KvCache {
 public:
  /// Allocates [batch, kv_heads, capacity, head_dim] twice per layer.
  KvCache(int64_t layers, int64_t batch, int64_t kv_heads, int64_t head_dim, int64_t capacity,
          at::TensorOptions options);

  /// The same with the keys and values of each layer on a device of its own; what concerns all of
  /// them, such as the mask, stays on that of the options.
  KvCache(const std::vector<at::Device>& layers, int64_t batch, int64_t kv_heads, int64_t head_dim,
          int64_t capacity, at::TensorOptions options);

  /// Positions filled so far.
  int64_t length() const { return length_; }

  /// Stores the keys and values of new positions and returns all of them so far.
  /// keys, values  [batch, kv_heads, seq, head_dim]
  std::pair<Tensor, Tensor> append(int64_t layer, const Tensor& keys, const Tensor& values);

  /// What append() stored so far: [batch, kv_heads, length, head_dim] twice.
  std::pair<Tensor, Tensor> keys_values(int64_t layer) const;

  /// Notes which of the `seq` new positions are real; call once per forward, before append().
  /// attention_mask  [batch, seq], bool; undefined: all are real
  /// returns         [batch, length + seq] bool over all positions so far
  /// throws          c10::Error if they do not fit
  Tensor extend_mask(const Tensor& attention_mask, int64_t seq);

  /// Whether any position noted so far is padding.
  bool has_padding() const { return has_padding_; }

  /// Moves on by `seq` positions; call once per forward, at its end.
  void advance(int64_t seq);

  /// Keeps these rows of the batch only, in this order, and their memory: [rows], int64.
  void select_rows(const Tensor& rows);

  /// Keys and values of the memory for a block; projected by the first caller.
  std::vector<std::optional<MemoryKeysValues>> memory;  // by block

 private:
  std::vector<Tensor> keys_, values_;
  Tensor mask_;  // [batch, capacity], true beyond the length
  int64_t length_ = 0;
  int64_t capacity_;
  bool has_padding_ = false;
};

}  // namespace nvlm::decoder
