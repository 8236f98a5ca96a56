// The block of an InternViT-style encoder. Names of modules and parameters are the checkpoints'.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/pimpl.h>

#include <functional>

#include "common/linear.h"
#include "common/tensor.h"
#include "vision/vision_config.h"

namespace nvlm::vision {

/// Layer norm (weight and bias) or RMS norm (weight) over the last dimension.
/// x        [..., width]
/// returns  the same shape
class VisionNormImpl : public torch::nn::Module {
 public:
  /// statistic_width  RMS norm: the mean square is taken over the first so many channels only (the
  ///                  real heads of an encoder with dummy heads), yet all are scaled by it
  VisionNormImpl(NormKind kind, int64_t width, int64_t statistic_width, double eps);
  Tensor forward(const Tensor& x);

 private:
  int64_t statistic_width_;
  double eps_;
  Tensor weight_;  // [width]
  Tensor bias_;    // [width]; undefined for RMS norm
};
TORCH_MODULE(VisionNorm);

/// Bidirectional self-attention; q and k may be normalised over all heads together.
/// x        [tiles, seq, hidden]
/// returns  [tiles, seq, hidden]
/// source   InternVL, InternAttention; NVLM-D-72B for the dummy heads
class VisionAttentionImpl : public torch::nn::Module {
 public:
  explicit VisionAttentionImpl(const VisionConfig& config);
  Tensor forward(const Tensor& x);

 private:
  int64_t heads_;  // dummy heads included
  int64_t head_dim_;
  Linear qkv_{nullptr}, proj_{nullptr};
  VisionNorm q_norm_{nullptr}, k_norm_{nullptr};  // empty without qk_normalization
};
TORCH_MODULE(VisionAttention);

/// fc2(gelu(fc1(x))), the exact GELU.
class VisionMlpImpl : public torch::nn::Module {
 public:
  VisionMlpImpl(int64_t hidden, int64_t ffn_hidden);
  Tensor forward(const Tensor& x);

 private:
  Linear fc1_{nullptr}, fc2_{nullptr};
};
TORCH_MODULE(VisionMlp);

/// x + ls1 * attn(norm1(x)), then x + ls2 * mlp(norm2(x)).
/// x        [tiles, seq, hidden]
/// returns  [tiles, seq, hidden]
/// source   InternVL, InternVisionEncoderLayer
class VisionLayerImpl : public torch::nn::Module {
 public:
  explicit VisionLayerImpl(const VisionConfig& config);
  Tensor forward(const Tensor& x);

 private:
  VisionNorm norm1_{nullptr}, norm2_{nullptr};
  VisionAttention attn_{nullptr};
  VisionMlp mlp_{nullptr};
  Tensor ls1_, ls2_;  // [hidden]
};
TORCH_MODULE(VisionLayer);

/// All blocks, one after the other; there is no norm behind the last.
class VisionLayersImpl : public torch::nn::Module {
 public:
  explicit VisionLayersImpl(const VisionConfig& config);

  /// x [tiles, seq, hidden], same shape back. `observe`, when given, sees what each block returns.
  Tensor forward(Tensor x, const std::function<void(const Tensor&)>& observe = {});

 private:
  torch::nn::ModuleList layers_;
};
TORCH_MODULE(VisionLayers);

}  // namespace nvlm::vision
