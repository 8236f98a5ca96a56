// What fusion hands to the decoder: a plain value.
#pragma once

#include <memory>
#include <optional>

#include "common/tensor.h"
#include "decoder/cross_attention_stack.h"
#include "decoder/packed_rows.h"

namespace nvlm::decoder {

/// A memory to read by cross-attention.
struct CrossAttention {
  std::shared_ptr<CrossAttentionStack> blocks;
  Tensor memory;  // [batch, memory, hidden]; may be undefined when a cache already holds it
  Tensor mask;    // [batch, seq, memory], bool, true = may attend
};

/// One forward pass over `seq` new positions.
///
/// With `rows` the samples are packed: embeddings are [1, tokens, hidden] and position_ids
/// [1, tokens], while the masks and the memory stay as they are for the padded samples.
struct DecoderInputs {
  Tensor embeddings;      // [batch, seq, hidden]
  Tensor position_ids;    // [batch, seq], int64
  Tensor attention_mask;  // [batch, seq], bool, true = real token; the cache knows earlier ones
  std::optional<CrossAttention> cross_attention;     // absent: plain Llama
  std::shared_ptr<const PackedRows> rows = nullptr;  // null: padded; never with a cache
};

/// The same pass without padding; hidden states and gradients of real tokens are the same.
DecoderInputs packed(const DecoderInputs& padded);

}  // namespace nvlm::decoder
