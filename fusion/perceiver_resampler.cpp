#include "fusion/perceiver_resampler.h"

#include <c10/core/GradMode.h>

#include <string>

#include "common/attention.h"
#include "common/check.h"
#include "common/parameter_scope.h"

namespace nvlm::fusion {

PerceiverLayerImpl::PerceiverLayerImpl(const PerceiverResamplerSizes& sizes)
    : heads_(sizes.heads), head_dim_(sizes.head_dim) {
  const auto norm = [&](const char* name) {
    return register_module(name, decoder::RmsNorm(sizes.hidden, sizes.norm_eps));
  };
  const auto linear = [this](const char* name, int64_t in, int64_t out) {
    return register_module(name, Linear(in, out, /*has_bias=*/false));
  };
  const int64_t width = sizes.heads * sizes.head_dim;
  tokens_norm_ = norm("tokens_layernorm");
  latents_norm_ = norm("latents_layernorm");
  q_proj_ = linear("q_proj", sizes.hidden, width);
  k_proj_ = linear("k_proj", sizes.hidden, width);
  v_proj_ = linear("v_proj", sizes.hidden, width);
  o_proj_ = linear("o_proj", width, sizes.hidden);
  feed_forward_norm_ = norm("post_attention_layernorm");
  mlp_ = register_module("mlp", decoder::LlamaMlp(sizes.hidden, sizes.ffn_hidden));
}

Tensor PerceiverLayerImpl::forward(const Tensor& latents, const Tensor& tokens) {
  const auto split = [this](const Tensor& x) {
    return x.view({x.size(0), x.size(1), heads_, head_dim_})
        .transpose(1, 2);  // [tiles, heads, length, head_dim]
  };
  const Tensor queries = latents_norm_(latents);
  const Tensor memory = at::cat({tokens_norm_(tokens), queries}, 1);
  const Tensor attended =
      attention(split(q_proj_(queries)), split(k_proj_(memory)), split(v_proj_(memory)));
  const Tensor y = latents + o_proj_(attended.transpose(1, 2).flatten(2));
  return y + mlp_(feed_forward_norm_(y));
}

PerceiverResamplerImpl::PerceiverResamplerImpl(const PerceiverResamplerConfig& config,
                                               const PerceiverResamplerSizes& sizes) {
  latents_ = register_parameter("latents", new_parameter({config.latents, sizes.hidden}));
  if (initialises_parameters()) {
    const c10::NoGradGuard no_grad;
    latents_.normal_(0, 1);  // as far apart as normed tokens are
  }
  for (int64_t i = 0; i < config.layers; ++i) {
    layers_.push_back(register_module("layers_" + std::to_string(i), PerceiverLayer(sizes)));
  }
  norm_ = register_module("norm", decoder::RmsNorm(sizes.hidden, sizes.norm_eps));
}

Tensor PerceiverResamplerImpl::forward(const Tensor& tokens) {
  expect_shape(tokens, {-1, -1, latents_.size(1)}, "fusion.perceiver_resampler: tokens");
  Tensor latents = latents_.unsqueeze(0).expand({tokens.size(0), -1, -1});
  for (PerceiverLayer& layer : layers_) latents = layer(latents, tokens);
  return norm_(latents);
}

}  // namespace nvlm::fusion
