// The block of Llama 3.2 Vision's encoder. Names of modules and parameters are the checkpoints'.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/pimpl.h>

#include <functional>

#include "common/linear.h"
#include "common/tensor.h"
#include "vision/mllama_vision_config.h"
#include "vision/vision_layer.h"

namespace nvlm::vision {

/// Self-attention over all tiles of a picture. The rule of the published models, a side effect of
/// how they built their mask: padding (unused tiles, and what fills a tile up to a multiple of 8)
/// does not see padding, but real tokens see everything, padding too.
/// source  transformers, _prepare_aspect_ratio_attention_mask; Llama 3.2,
/// build_encoder_attention_mask
class MllamaVisionAttentionImpl : public torch::nn::Module {
 public:
  explicit MllamaVisionAttentionImpl(const MllamaVisionConfig& config);

  /// x        [1, tokens, hidden], the real tokens first
  /// returns  the same shape
  Tensor forward(const Tensor& x, int64_t num_real);

 private:
  int64_t heads_, head_dim_;
  Linear q_proj_{nullptr}, k_proj_{nullptr}, v_proj_{nullptr}, o_proj_{nullptr};
};
TORCH_MODULE(MllamaVisionAttention);

/// x + attention(norm(x)), then x + mlp(norm(x)); in global layers both scaled by tanh of a gate.
class MllamaVisionLayerImpl : public torch::nn::Module {
 public:
  MllamaVisionLayerImpl(const MllamaVisionConfig& config, bool is_global);

  /// As MllamaVisionAttention.
  Tensor forward(const Tensor& x, int64_t num_real);

 private:
  VisionNorm input_layernorm_{nullptr}, post_attention_layernorm_{nullptr};
  MllamaVisionAttention self_attn_{nullptr};
  VisionMlp mlp_{nullptr};
  Tensor gate_attn_, gate_ffn_;  // [1]; undefined in local layers
};
TORCH_MODULE(MllamaVisionLayer);

/// Which tokens of a picture are real, as an order that puts them first.
struct MllamaTokenOrder {
  Tensor real_first;     // [tokens], int64: where each token of that order stands in the picture
  Tensor as_in_picture;  // [tokens], int64: the inverse
  int64_t num_real = 0;
};

/// Tokens tile by tile, `padded_patches` each; real are the patches of the first `num_tiles`.
/// throws  c10::Error unless num_tiles is 1..max_tiles
MllamaTokenOrder order_tokens(const MllamaVisionConfig& config, int64_t num_tiles,
                              at::Device device);

/// Local or global layers, one after the other.
class MllamaVisionLayersImpl : public torch::nn::Module {
 public:
  MllamaVisionLayersImpl(const MllamaVisionConfig& config, int64_t num_layers, bool is_global);

  /// x        [1, tokens, hidden], as they stand in the picture
  /// observe  when given, sees what each layer returns, in the order of the picture
  /// returns  the same shape
  Tensor forward(const Tensor& x, const MllamaTokenOrder& order,
                 const std::function<void(int64_t layer, const Tensor&)>& observe = {});

 private:
  torch::nn::ModuleList layers_;
};
TORCH_MODULE(MllamaVisionLayers);

}  // namespace nvlm::vision
