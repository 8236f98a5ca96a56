// Fewer tokens per tile: learned queries that look a tile over, as in Flamingo.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <vector>

#include "common/linear.h"
#include "common/tensor.h"
#include "decoder/llama_mlp.h"
#include "decoder/rms_norm.h"

namespace nvlm::fusion {

struct PerceiverResamplerConfig {
  int64_t latents = 0;  // tokens of a tile afterwards; 0 = no resampler
  int64_t layers = 2;
};

/// Widths that the resampler takes over from what stands behind it.
struct PerceiverResamplerSizes {
  int64_t hidden = 0, heads = 0, head_dim = 0, ffn_hidden = 0;
  double norm_eps = 1e-5;
};

/// One layer: latents attend to the tile's tokens and to themselves, then a feed-forward.
class PerceiverLayerImpl : public torch::nn::Module {
 public:
  explicit PerceiverLayerImpl(const PerceiverResamplerSizes& sizes);

  /// latents [tiles, latents, hidden], tokens [tiles, tile_tokens, hidden] -> as latents
  Tensor forward(const Tensor& latents, const Tensor& tokens);

 private:
  int64_t heads_, head_dim_;
  decoder::RmsNorm tokens_norm_{nullptr}, latents_norm_{nullptr}, feed_forward_norm_{nullptr};
  Linear q_proj_{nullptr}, k_proj_{nullptr}, v_proj_{nullptr}, o_proj_{nullptr};
  decoder::LlamaMlp mlp_{nullptr};
};
TORCH_MODULE(PerceiverLayer);

/// The same latents begin for every tile; each layer reads [tokens; latents]; a norm ends it.
/// tokens   [tiles, tile_tokens, hidden]
/// returns  [tiles, latents, hidden]
/// throws   c10::Error if `tokens` is of another width
/// source   Flamingo (arXiv 2204.14198) §3.1.1 and its listing
/// differs: per tile instead of per picture, so that tags and masks know whose tokens they are;
///          norms and feed-forward are the decoder's (RMS, SwiGLU), as in the blocks that follow
class PerceiverResamplerImpl : public torch::nn::Module {
 public:
  PerceiverResamplerImpl(const PerceiverResamplerConfig& config,
                         const PerceiverResamplerSizes& sizes);
  Tensor forward(const Tensor& tokens);

 private:
  Tensor latents_;  // [latents, hidden]
  std::vector<PerceiverLayer> layers_;
  decoder::RmsNorm norm_{nullptr};
};
TORCH_MODULE(PerceiverResampler);

}  // namespace nvlm::fusion
