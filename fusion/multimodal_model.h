// The whole model, from pixels and a prompt to hidden states and text.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include <functional>
#include <memory>

#include "decoder/generation.h"
#include "decoder/llama.h"
#include "fusion/fusion_module.h"
#include "fusion/multimodal_config.h"
#include "fusion/prompt.h"
#include "vision/tile_features.h"
#include "vision/vision_encoder.h"

namespace nvlm::fusion {

/// Encoder, fusion and decoder under the names of NVLM-D's checkpoints: "vision_model.*", "mlp1.*",
/// "language_model.*", and "cross_attention.*" for X and H.
class MultimodalModelImpl : public torch::nn::Module {
 public:
  /// throws  std::invalid_argument as validate()
  explicit MultimodalModelImpl(const MultimodalConfig& config);

  /// The part in front of the projector; frozen throughout training, so its result can be kept.
  /// pixel_values  [tiles, 3, tile_size, tile_size], normalised (vision::preprocess)
  /// returns       [tiles, tile_tokens, 4 * vision hidden]
  Tensor encode_tiles(const Tensor& pixel_values);

  /// features  encode_tiles() of all tiles of the batch, in the order of prompts.tile_refs()
  /// throws    c10::Error if features and prompts disagree
  decoder::DecoderInputs fuse(const PromptBatch& prompts, const vision::TileFeatures& features);

  /// fuse(), then the decoder; `probe` may be null.
  /// returns  [batch, seq, hidden] after the final norm
  Tensor hidden_states(const PromptBatch& prompts, const vision::TileFeatures& features,
                       decoder::AttentionProbe* probe = nullptr);

  /// hidden [..., hidden] -> logits [..., vocab]
  Tensor logits(const Tensor& hidden) { return language_model->logits(hidden); }

  /// Continues the prompts; see decoder::generate.
  decoder::Generation generate(const PromptBatch& prompts, const vision::TileFeatures& features,
                               const decoder::GenerationConfig& config,
                               const decoder::TokenCallback& on_token = {},
                               const decoder::LogitsHook& hook = {});

  /// Cuts pictures into another number of tiles from now on, which no weight depends on.
  /// throws  std::invalid_argument for tiles of another size than the encoder's
  void retile(const vision::TilingConfig& tiling);

  const MultimodalConfig& config() const { return config_; }

  vision::VisionEncoder vision_model{nullptr};
  decoder::LlamaForCausalLM language_model{nullptr};

 private:
  MultimodalConfig config_;
  /// Not registered itself: its children are, so that they stand at the top of a checkpoint and
  /// parameters() counts them once.
  std::shared_ptr<FusionModule> fusion_;
};
TORCH_MODULE(MultimodalModel);

}  // namespace nvlm::fusion
