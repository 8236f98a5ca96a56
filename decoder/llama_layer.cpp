#include "decoder/llama_layer.h"

namespace nvlm::decoder {

LlamaLayerImpl::LlamaLayerImpl(const LlamaConfig& config, int64_t layer) {
  self_attn = register_module("self_attn", LlamaAttention(config, layer));
  mlp = register_module("mlp", LlamaMlp(config.hidden, config.ffn_hidden));
  input_layernorm = register_module("input_layernorm", RmsNorm(config.hidden, config.rms_norm_eps));
  post_attention_layernorm =
      register_module("post_attention_layernorm", RmsNorm(config.hidden, config.rms_norm_eps));
}

Tensor LlamaLayerImpl::forward(const Tensor& hidden, const AttentionContext& context) {
  const Tensor attended = hidden + self_attn(input_layernorm(hidden), context);
  return attended + mlp(post_attention_layernorm(attended));
}

}  // namespace nvlm::decoder
