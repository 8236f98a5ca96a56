#include "decoder/llama_layer.h"

namespace nvlm::decoder {

LlamaLayerImpl::LlamaLayerImpl(const LlamaConfig& config, int64_t layer) {
  self_attn = register_module("self_attn", LlamaAttention(config, layer));
  mlp = register_module("mlp", LlamaMlp(config.hidden, config.ffn_hidden, config.feed_forward,
                                        config.biases == BiasKind::kAll));
  input_layernorm = register_module("input_layernorm", DecoderNorm(config));
  post_attention_layernorm = register_module("post_attention_layernorm", DecoderNorm(config));
}

Tensor LlamaLayerImpl::forward(const Tensor& hidden, const AttentionContext& context) {
  const Tensor attended = hidden + self_attn(input_layernorm(hidden), context);
  return attended + mlp(post_attention_layernorm(attended));
}

}  // namespace nvlm::decoder
