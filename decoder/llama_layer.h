// One block of Llama: attention and feed-forward, each after a norm and beside a residual.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "decoder/decoder_norm.h"
#include "decoder/llama_attention.h"
#include "decoder/llama_config.h"
#include "decoder/llama_mlp.h"

namespace nvlm::decoder {

class LlamaLayerImpl : public torch::nn::Module {
 public:
  LlamaLayerImpl(const LlamaConfig& config, int64_t layer);

  /// hidden [batch, seq, hidden] -> [batch, seq, hidden]
  Tensor forward(const Tensor& hidden, const AttentionContext& context);

  /// Where the layer lies, and expects what it is given.
  at::Device device() const { return input_layernorm->weight.device(); }

  LlamaAttention self_attn{nullptr};
  LlamaMlp mlp{nullptr};
  DecoderNorm input_layernorm{nullptr}, post_attention_layernorm{nullptr};
};
TORCH_MODULE(LlamaLayer);

}  // namespace nvlm::decoder
