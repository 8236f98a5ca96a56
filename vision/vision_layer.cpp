#include "vision/vision_layer.h"

#include <torch/utils.h>

#include <cmath>

#include "common/attention.h"
#include "common/parameter_scope.h"
#include "vision/vision_embeddings.h"

namespace nvlm::vision {
namespace {

Linear vision_linear(int64_t in, int64_t out, bool has_bias) {
  Linear linear(in, out, has_bias);
  truncated_normal_(linear->weight, 1 / std::sqrt(static_cast<double>(in)));
  if (has_bias && initialises_parameters()) {
    const torch::NoGradGuard no_grad;
    linear->bias.zero_();
  }
  return linear;
}

Tensor rms_normalise(const Tensor& x, const Tensor& weight, int64_t statistic_width, double eps) {
  const auto dtype = x.scalar_type();
  const bool is_low_precision = dtype == at::kBFloat16 || dtype == at::kHalf;
  const Tensor wide = is_low_precision ? x.to(at::kFloat) : x;
  const Tensor counted = statistic_width == x.size(-1) ? wide : wide.narrow(-1, 0, statistic_width);
  const Tensor scale = counted.square().mean(-1, /*keepdim=*/true).add(eps).rsqrt();
  return (wide * scale).to(dtype) * weight.to(dtype);
}

}  // namespace

VisionNormImpl::VisionNormImpl(NormKind kind, int64_t width, int64_t statistic_width, double eps)
    : statistic_width_(statistic_width), eps_(eps) {
  weight_ = register_parameter("weight", new_parameter({width}, 1));
  if (kind == NormKind::kLayerNorm) bias_ = register_parameter("bias", new_parameter({width}, 0));
}

Tensor VisionNormImpl::forward(const Tensor& x) {
  if (!bias_.defined()) return rms_normalise(x, weight_, statistic_width_, eps_);
  return at::layer_norm(x, {weight_.size(0)}, weight_, bias_, eps_);
}

VisionAttentionImpl::VisionAttentionImpl(const VisionConfig& config)
    : heads_(config.heads + config.dummy_heads), head_dim_(config.head_dim()) {
  const int64_t width = config.attention_width();
  qkv_ = register_module("qkv", vision_linear(config.hidden, 3 * width, config.qkv_bias));
  proj_ = register_module("proj", vision_linear(width, config.hidden, /*has_bias=*/true));
  if (config.qk_normalization) {
    const auto norm = [&] {
      return VisionNorm(NormKind::kRmsNorm, width, config.hidden, config.norm_eps);
    };
    q_norm_ = register_module("q_norm", norm());
    k_norm_ = register_module("k_norm", norm());
  }
}

Tensor VisionAttentionImpl::forward(const Tensor& x) {
  const int64_t tiles = x.size(0), seq = x.size(1), width = heads_ * head_dim_;
  std::vector<Tensor> parts = qkv_(x).split(width, -1);  // q, k, v: [tiles, seq, width]
  if (!q_norm_.is_empty()) {
    parts[0] = q_norm_(parts[0]);
    parts[1] = k_norm_(parts[1]);
  }
  for (Tensor& part : parts) {
    part = part.view({tiles, seq, heads_, head_dim_}).transpose(1, 2);  // [tiles, heads, seq, dim]
  }
  const Tensor mixed = attention(parts[0], parts[1], parts[2]);
  return proj_(mixed.transpose(1, 2).reshape({tiles, seq, width}));
}

VisionMlpImpl::VisionMlpImpl(int64_t hidden, int64_t ffn_hidden) {
  fc1_ = register_module("fc1", vision_linear(hidden, ffn_hidden, /*has_bias=*/true));
  fc2_ = register_module("fc2", vision_linear(ffn_hidden, hidden, /*has_bias=*/true));
}

Tensor VisionMlpImpl::forward(const Tensor& x) { return fc2_(at::gelu(fc1_(x))); }

VisionLayerImpl::VisionLayerImpl(const VisionConfig& config) {
  const auto norm = [&] {
    return VisionNorm(config.norm, config.hidden, config.hidden, config.norm_eps);
  };
  norm1_ = register_module("norm1", norm());
  attn_ = register_module("attn", VisionAttention(config));
  norm2_ = register_module("norm2", norm());
  mlp_ = register_module("mlp", VisionMlp(config.hidden, config.ffn_hidden));
  ls1_ = register_parameter("ls1", new_parameter({config.hidden}, config.initializer_factor));
  ls2_ = register_parameter("ls2", new_parameter({config.hidden}, config.initializer_factor));
}

Tensor VisionLayerImpl::forward(const Tensor& x) {
  const Tensor attended = at::addcmul(x, attn_(norm1_(x)), ls1_);
  return at::addcmul(attended, mlp_(norm2_(attended)), ls2_);
}

VisionLayersImpl::VisionLayersImpl(const VisionConfig& config) {
  layers_ = register_module("layers", torch::nn::ModuleList());
  for (int64_t i = 0; i < config.layers; ++i) layers_->push_back(VisionLayer(config));
}

Tensor VisionLayersImpl::forward(Tensor x, const std::function<void(const Tensor&)>& observe) {
  for (const auto& layer : *layers_) {
    x = layer->as<VisionLayer>()->forward(x);
    if (observe) observe(x);
  }
  return x;
}

}  // namespace nvlm::vision
