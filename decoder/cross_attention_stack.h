// The seam between the decoder and whatever gives it a memory to read. The interface belongs to
// its consumer, the decoder; fusion/ implements it (NVLM-X, NVLM-H, Llama 3.2 Vision).
#pragma once

#include <cstdint>
#include <optional>

#include "common/tensor.h"
#include "decoder/attention_probe.h"

namespace nvlm::decoder {

/// Keys and values of the memory for one block; they never change while generating.
struct MemoryKeysValues {
  Tensor keys;    // [batch, kv_heads, memory, head_dim]
  Tensor values;  // [batch, kv_heads, memory, head_dim]
};

/// Gated cross-attention blocks that the decoder calls between its own layers.
class CrossAttentionStack {
 public:
  virtual ~CrossAttentionStack() = default;

  /// How many blocks there are.
  virtual int64_t num_blocks() const = 0;

  /// The block that runs before decoder layer `depth`; `depth` = number of layers means after the
  /// last one. Nothing if no block stands there.
  virtual std::optional<int64_t> block_at(int64_t depth) const = 0;

  /// Projects the memory once per prompt.
  /// memory  [batch, memory, hidden]
  virtual MemoryKeysValues project_memory(int64_t block, const Tensor& memory) = 0;

  /// One block: gated attention to the memory, then a gated feed-forward.
  /// hidden   [batch, seq, hidden]
  /// mask     [batch, seq, memory], bool, true = may attend; a row with no true leaves hidden as is
  /// probe    may be null
  /// returns  [batch, seq, hidden]
  virtual Tensor update(int64_t block, const Tensor& hidden, const MemoryKeysValues& memory,
                        const Tensor& mask, AttentionProbe* probe) = 0;
};

}  // namespace nvlm::decoder
