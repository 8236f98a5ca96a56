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

RotatedHeads LlamaAttentionImpl::heads_of(const Tensor& input, const AttentionContext& context) {
  if (context.angles && training_kernel_fits(input)) {
    return trained_rotary_heads(joined_linear(input, {q_proj, k_proj, v_proj}), *context.angles,
                                heads_, kv_heads_);
  }
  const int64_t batch = input.size(0), seq = input.size(1);
  const auto placed = [&](const Tensor& x) {
    return (context.angles ? apply_rotary(x, *context.angles) : x).transpose(1, 2);
  };
  return {placed(q_proj(input).view({batch, seq, heads_, head_dim_})),
          placed(k_proj(input).view({batch, seq, kv_heads_, head_dim_})),
          v_proj(input).view({batch, seq, kv_heads_, head_dim_}).transpose(1, 2)};
}

Tensor LlamaAttentionImpl::forward(const Tensor& input, const AttentionContext& context) {
  auto [query, keys, values] = heads_of(input, context);
  if (context.rows != nullptr) {
    for (Tensor* heads : {&query, &keys, &values}) {
      *heads = context.rows->unpack(heads->transpose(1, 2)).transpose(1, 2);
    }
  }
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
