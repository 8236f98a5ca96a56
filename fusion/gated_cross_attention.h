// The block through which text reads the memory in NVLM-X and NVLM-H.
#pragma once

#include <torch/nn/pimpl.h>

#include "common/tensor.h"
#include "decoder/cross_attention_stack.h"
#include "decoder/llama_mlp.h"
#include "decoder/rms_norm.h"
#include "fusion/cross_attention_block.h"
#include "fusion/memory_attention.h"

namespace nvlm::fusion {

struct GatedCrossAttentionConfig {
  MemoryAttentionConfig attention;
  int64_t ffn_hidden = 0;
  double norm_eps = 1e-5;
  double gate_init = 0;  // of both gates, before tanh
  /// The rule of the reference block in which only attention is zero on a row without memory. Ours,
  /// and Meta's for Llama 3.2 Vision: a row that sees nothing is left alone by the whole block, or
  /// text without a picture would notice the block.
  bool feed_forward_without_memory = false;
  /// The rule of the transformers library for Llama 3.2 Vision: a row that sees nothing attends to
  /// all of the memory (unused tiles included), so text before a picture leaks what is in it.
  bool attend_without_memory = false;
};

/// Text attends to the memory, then a feed-forward; both residuals are scaled by tanh of a learned
/// gate. With gates at 0 a fresh block is the identity, and of the whole memory path only the gates
/// get a gradient.
///   y   = hidden + tanh(attention gate) * attention(norm(hidden), memory)
///   out = y + tanh(feed-forward gate) * SwiGLU(norm(y))
/// source   NVLM (arXiv 2409.11402) §4.2.2
/// chosen:  the paper leaves the inside open; gates from Flamingo (arXiv 2204.14198), norms,
/// grouped
///          queries, SwiGLU and names from Llama 3.2 Vision, whose norms of q and k NVLM's variants
///          do without (docs/decisions/0001-inside-of-x-and-h.md)
class GatedCrossAttentionImpl : public CrossAttentionBlock {
 public:
  explicit GatedCrossAttentionImpl(const GatedCrossAttentionConfig& config);

  /// memory [batch, memory, hidden] -> its keys and values; they serve a whole generation
  decoder::MemoryKeysValues project_memory(const Tensor& memory) override;

  /// hidden   [batch, seq, hidden]
  /// mask     [batch, seq, memory], bool, true = may attend; a row with no true leaves `hidden` as
  ///          is, but for the two rules of the configuration
  /// returns  [batch, seq, hidden]
  /// throws   c10::Error if shapes disagree
  Tensor forward(const Tensor& hidden, const decoder::MemoryKeysValues& memory,
                 const Tensor& mask) override;

  /// What forward() would attend to with the first `num_heads` heads (0 = all).
  /// returns  [batch, num_heads, seq, memory]; zero on rows that see nothing (but for the rule
  ///          attend_without_memory)
  Tensor probabilities(const Tensor& hidden, const decoder::MemoryKeysValues& memory,
                       const Tensor& mask, int64_t num_heads = 0) override;

 private:
  GatedCrossAttentionConfig config_;
  decoder::RmsNorm input_layernorm_{nullptr}, post_attention_layernorm_{nullptr};
  MemoryAttention cross_attn_{nullptr};
  decoder::LlamaMlp mlp_{nullptr};
  Tensor attention_gate_, feed_forward_gate_;  // [1]
};
TORCH_MODULE(GatedCrossAttention);

}  // namespace nvlm::fusion
