// Samples of different lengths laid end to end in one row, so that no padding is multiplied.
#pragma once

#include "common/tensor.h"

namespace nvlm::decoder {

/// Where the real tokens of a padded batch stand in the row. What looks at one position at a time
/// (norms, projections, feed-forward, head) runs on the row; attention runs on the padded samples
/// again, which is the mask of blocks that packing needs: no token meets another sample's.
class PackedRows {
 public:
  /// attention_mask  [batch, seq], bool, true = real token
  /// throws          c10::Error if it is of another shape or dtype, or no token is real
  explicit PackedRows(const Tensor& attention_mask);

  /// [batch, seq, ...] -> [1, tokens, ...]
  Tensor pack(const Tensor& padded) const;

  /// [1, tokens, ...] -> [batch, seq, ...], 0 at padding
  Tensor unpack(const Tensor& packed) const;

  /// Unshifted labels in the row. The first of each sample has no predecessor and never counts, so
  /// it must not be what the sample before it is asked for.
  /// [batch, seq], int64 -> [1, tokens], int64
  Tensor pack_labels(const Tensor& labels) const;

  int64_t tokens() const { return places_.size(0); }

 private:
  int64_t batch_, seq_;
  Tensor places_;  // [tokens], int64: of the row's tokens in the flattened batch
};

}  // namespace nvlm::decoder
