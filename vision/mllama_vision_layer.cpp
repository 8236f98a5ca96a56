#include "vision/mllama_vision_layer.h"

#include "common/attention.h"
#include "common/parameter_scope.h"

namespace nvlm::vision {

MllamaVisionAttentionImpl::MllamaVisionAttentionImpl(const MllamaVisionConfig& config)
    : heads_(config.heads), head_dim_(config.hidden / config.heads) {
  const auto linear = [&](const char* name) {
    return register_module(name, Linear(config.hidden, config.hidden, /*has_bias=*/false));
  };
  q_proj_ = linear("q_proj");
  k_proj_ = linear("k_proj");
  v_proj_ = linear("v_proj");
  o_proj_ = linear("o_proj");
}

Tensor MllamaVisionAttentionImpl::forward(const Tensor& x, int64_t num_real) {
  const int64_t tokens = x.size(1), num_padding = tokens - num_real;
  const auto heads = [&](Linear& projection) {
    return projection(x)
        .view({x.size(0), tokens, heads_, head_dim_})
        .transpose(1, 2);  // [1, heads, tokens, head_dim]
  };
  const Tensor queries = heads(q_proj_), keys = heads(k_proj_), values = heads(v_proj_);
  Tensor mixed = attention(queries.narrow(2, 0, num_real), keys, values);
  if (num_padding > 0) {
    const Tensor padding = attention(queries.narrow(2, num_real, num_padding),
                                     keys.narrow(2, 0, num_real), values.narrow(2, 0, num_real));
    mixed = at::cat({mixed, padding}, 2);  // [1, heads, tokens, head_dim]
  }
  return o_proj_(mixed.transpose(1, 2).reshape(x.sizes()));
}

MllamaVisionLayerImpl::MllamaVisionLayerImpl(const MllamaVisionConfig& config, bool is_global) {
  const auto norm = [&] {
    return VisionNorm(NormKind::kLayerNorm, config.hidden, config.hidden, config.norm_eps);
  };
  input_layernorm_ = register_module("input_layernorm", norm());
  self_attn_ = register_module("self_attn", MllamaVisionAttention(config));
  post_attention_layernorm_ = register_module("post_attention_layernorm", norm());
  mlp_ = register_module("mlp", VisionMlp(config.hidden, config.ffn_hidden));
  if (!is_global) return;
  constexpr double kOpening = 0.785398;  // pi / 4, where the published ones start
  gate_attn_ = register_parameter("gate_attn", new_parameter({1}, kOpening));
  gate_ffn_ = register_parameter("gate_ffn", new_parameter({1}, kOpening));
}

Tensor MllamaVisionLayerImpl::forward(const Tensor& x, int64_t num_real) {
  const auto gated = [](const Tensor& gate, const Tensor& added) {
    return gate.defined() ? gate.tanh() * added : added;
  };
  const Tensor attended = x + gated(gate_attn_, self_attn_(input_layernorm_(x), num_real));
  return attended + gated(gate_ffn_, mlp_(post_attention_layernorm_(attended)));
}

MllamaTokenOrder order_tokens(const MllamaVisionConfig& config, int64_t num_tiles,
                              at::Device device) {
  TORCH_CHECK(num_tiles >= 1 && num_tiles <= config.max_tiles, "mllama encoder: a picture of ",
              num_tiles, " tiles, expected 1 to ", config.max_tiles);
  Tensor is_real = at::zeros({config.max_tiles, config.padded_patches()}, at::kBool);
  is_real.narrow(0, 0, num_tiles).narrow(1, 0, config.patches()).fill_(true);
  is_real = is_real.flatten();
  const Tensor order =
      at::cat({is_real.nonzero(), is_real.logical_not().nonzero()}).squeeze(1);  // [tokens]
  return {order.to(device), order.argsort().to(device), num_tiles * config.patches()};
}

MllamaVisionLayersImpl::MllamaVisionLayersImpl(const MllamaVisionConfig& config, int64_t num_layers,
                                               bool is_global) {
  layers_ = register_module("layers", torch::nn::ModuleList());
  for (int64_t i = 0; i < num_layers; ++i) layers_->push_back(MllamaVisionLayer(config, is_global));
}

Tensor MllamaVisionLayersImpl::forward(
    const Tensor& x, const MllamaTokenOrder& order,
    const std::function<void(int64_t layer, const Tensor&)>& observe) {
  Tensor hidden = x.index_select(1, order.real_first);
  for (size_t layer = 0; layer < layers_->size(); ++layer) {
    hidden = layers_->at<MllamaVisionLayerImpl>(layer).forward(hidden, order.num_real);
    if (observe) {
      observe(static_cast<int64_t>(layer), hidden.index_select(1, order.as_in_picture));
    }
  }
  return hidden.index_select(1, order.as_in_picture);
}

}  // namespace nvlm::vision
