// Flamingo's gated cross-attention block, with the tensor names of OpenFlamingo's checkpoints.
#pragma once

#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/normalization.h>
#include <torch/nn/pimpl.h>

#include "common/linear.h"
#include "common/tensor.h"
#include "decoder/cross_attention_stack.h"
#include "fusion/cross_attention_block.h"

namespace nvlm::fusion {

/// What a Flamingo block does with a row of text that may attend to nothing.
enum class BlindRows {
  kUntouched,        // leaves it alone, so that text without a picture never notices the block
  kFeedForwardOnly,  // its attention is 0: OpenFlamingo where text sees the last picture only
  kAttendEvenly,     // takes the mean of all values, padding included, and so leaks what is in a
                     // later picture: OpenFlamingo where text sees all pictures before it
};

struct FlamingoBlockConfig {
  int64_t hidden = 0;         // of the decoder
  int64_t memory_hidden = 0;  // of the memory
  int64_t heads = 0;
  int64_t head_dim = 0;
  int64_t ffn_hidden = 0;
  double norm_eps = 1e-5;
  double gate_init = 0;  // of both gates, before tanh
  BlindRows blind_rows = BlindRows::kUntouched;
};

/// The inner part, "attn": layer norm of the text, one projection for keys and values together, no
/// biases, no positions.
class FlamingoAttentionImpl : public torch::nn::Module {
 public:
  explicit FlamingoAttentionImpl(const FlamingoBlockConfig& config);

  /// memory [batch, memory, memory_hidden] -> keys and values [batch, heads, memory, head_dim]
  decoder::MemoryKeysValues project(const Tensor& memory);

  /// hidden [batch, seq, hidden] -> [batch, heads, seq, head_dim]
  Tensor queries(const Tensor& hidden);

  /// queries  of queries()
  /// mask     [batch, seq, memory], bool, true = may attend; every row needs one true
  /// returns  [batch, seq, hidden]
  Tensor forward(const Tensor& queries, const decoder::MemoryKeysValues& memory,
                 const Tensor& mask);

 private:
  Tensor split_heads(const Tensor& x) const;

  int64_t heads_, head_dim_;
  torch::nn::LayerNorm norm_{nullptr};
  Linear to_q_{nullptr}, to_kv_{nullptr}, to_out_{nullptr};
};
TORCH_MODULE(FlamingoAttention);

/// Text attends to the memory, then a feed-forward; both residuals are scaled by tanh of a learned
/// gate.
///   y   = hidden + tanh(attn_gate) * attention(norm(hidden), memory)
///   out = y + tanh(ff_gate) * Linear(GELU(Linear(norm(y))))
/// source  Flamingo (arXiv 2204.14198) §2.2 and figure 4; names and norms: OpenFlamingo's
///         GatedCrossAttentionBlock
class FlamingoBlockImpl : public CrossAttentionBlock {
 public:
  explicit FlamingoBlockImpl(const FlamingoBlockConfig& config);

  /// memory  [batch, memory, memory_hidden]
  decoder::MemoryKeysValues project_memory(const Tensor& memory) override;

  /// As CrossAttentionBlock; a row of `mask` with no true is treated as `blind_rows` says.
  Tensor forward(const Tensor& hidden, const decoder::MemoryKeysValues& memory,
                 const Tensor& mask) override;

  /// As CrossAttentionBlock, with gradient; zero on rows that see nothing, unless they attend
  /// evenly.
  Tensor probabilities(const Tensor& hidden, const decoder::MemoryKeysValues& memory,
                       const Tensor& mask, int64_t num_heads = 0) override;

 private:
  /// The queries, those of rows that attend evenly set to 0: then all their scores are equal.
  Tensor queries(const Tensor& hidden, const Tensor& blind);

  FlamingoBlockConfig config_;
  FlamingoAttention attn_{nullptr};
  torch::nn::Sequential ff_{nullptr};  // "0" layer norm, "1" linear, GELU, "3" linear
  Tensor attn_gate_, ff_gate_;         // [1]
};
TORCH_MODULE(FlamingoBlock);

}  // namespace nvlm::fusion
