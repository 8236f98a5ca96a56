// Self-attention of Llama: grouped queries, rotary positions (or none), key-value cache.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include <memory>
#include <optional>

#include "common/linear.h"
#include "decoder/attention_probe.h"
#include "decoder/causal_attention.h"
#include "decoder/kv_cache.h"
#include "decoder/llama_config.h"
#include "decoder/packed_rows.h"
#include "decoder/rotary_embedding.h"
#include "decoder/training_kernels.h"

namespace nvlm::decoder {

/// What all layers share during one forward pass.
struct AttentionContext {
  std::optional<RotaryAngles> angles;  // none: positions stand in the embeddings already
  AttentionMask mask;
  KvCache* cache = nullptr;                          // may be null
  AttentionProbe* probe = nullptr;                   // may be null
  std::shared_ptr<const PackedRows> rows = nullptr;  // of packed samples; null: they are padded

  /// The same with its tensors on another device; the cache looks after its own.
  AttentionContext on(at::Device device) const;
};

class LlamaAttentionImpl : public torch::nn::Module {
 public:
  /// layer  its place in the stack, for the cache and the probe
  LlamaAttentionImpl(const LlamaConfig& config, int64_t layer);

  /// input [batch, seq, hidden], or [1, tokens, hidden] of packed rows -> the same shape; appends
  /// to the context's cache, and fills its probe where this layer is wanted. The output is the same
  /// with and without a probe.
  Tensor forward(const Tensor& input, const AttentionContext& context);

  Linear q_proj{nullptr}, k_proj{nullptr}, v_proj{nullptr}, o_proj{nullptr};

 private:
  /// Projected, at their positions; of packed rows as one sample.
  RotatedHeads heads_of(const Tensor& input, const AttentionContext& context);

  int64_t heads_, kv_heads_, head_dim_, layer_;
};
TORCH_MODULE(LlamaAttention);

}  // namespace nvlm::decoder
