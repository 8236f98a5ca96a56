#include "decoder/llama_attention.h"

#include <tuple>

namespace nvlm::decoder {

AttentionContext AttentionContext::on(at::Device device) const {
  AttentionContext moved = *this;
  if (angles) moved.angles = RotaryAngles{angles->cos.to(device), angles->sin.to(device)};
  if (mask.bias.defined()) moved.mask.bias = mask.bias.to(device);
  return moved;
}

LlamaAttentionImpl::LlamaAttentionImpl(const LlamaConfig& config, int64_t layer)
    : heads_(config.heads), kv_heads_(config.kv_heads), head_dim_(config.head_dim), layer_(layer) {
  const auto linear = [&](const char* name, int64_t in, int64_t out, bool bias) {
    return register_module(name, Linear(in, out, bias));
  };
  const int64_t query_width = heads_ * head_dim_, key_width = kv_heads_ * head_dim_;
  const bool biased = config.biases != BiasKind::kNone;
  q_proj = linear("q_proj", config.hidden, query_width, biased);
  k_proj = linear("k_proj", config.hidden, key_width, biased);
  v_proj = linear("v_proj", config.hidden, key_width, biased);
  o_proj = linear("o_proj", query_width, config.hidden, config.biases == BiasKind::kAll);
}

Tensor LlamaAttentionImpl::forward(const Tensor& input, const AttentionContext& context) {
  const int64_t batch = input.size(0), seq = input.size(1);
  const auto split_heads = [&](const Tensor& x, int64_t heads) {
    return x.view({batch, seq, heads, head_dim_});
  };
  const auto rotated = [&](const Tensor& x) {
    return context.angles ? apply_rotary(x, *context.angles) : x;
  };
  const auto per_sample = [&](const Tensor& x) {
    return (context.rows != nullptr ? context.rows->unpack(x) : x).transpose(1, 2);
  };
  const Tensor query =
      per_sample(rotated(split_heads(q_proj(input), heads_)));  // [batch, heads, seq, head_dim]
  Tensor keys = per_sample(
      rotated(split_heads(k_proj(input), kv_heads_)));  // [batch, kv_heads, seq, head_dim]
  Tensor values =
      per_sample(split_heads(v_proj(input), kv_heads_));  // [batch, kv_heads, seq, head_dim]
  if (context.cache != nullptr) {
    std::tie(keys, values) = context.cache->append(layer_, keys, values);
  }
  AttentionProbe* probe = context.probe;
  if (probe != nullptr && probe->self_layers.count(layer_) > 0) {
    probe->self_probabilities[layer_] =
        attention_probabilities(query, keys, context.mask, probe->heads);
  }
  const Tensor mixed = causal_attention(query, keys, values, context.mask)
                           .transpose(1, 2)
                           .flatten(2);  // [batch, seq, heads * head_dim]
  return o_proj(context.rows != nullptr ? context.rows->pack(mixed) : mixed);
}

}  // namespace nvlm::decoder
