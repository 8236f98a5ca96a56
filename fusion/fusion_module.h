// The interface of every way to bring images into the decoder.
#pragma once

#include <torch/nn/module.h>

#include <memory>

#include "decoder/decoder_inputs.h"
#include "fusion/fusion_config.h"
#include "fusion/prompt.h"
#include "fusion/token_embedder.h"
#include "vision/tile_features.h"

namespace nvlm::fusion {

/// Holds all parameters that stand between encoder and decoder, and no state between calls. Its
/// children appear at the top of a checkpoint under the names they are registered with.
class FusionModule : public torch::nn::Module {
 public:
  /// prompts   of a batch; they say where every tile goes (Prompt::tiles)
  /// features  the encoder's tokens of all their tiles, [tiles, tile_tokens, projector input], in
  ///           the order of prompts.tile_refs(); not defined for a batch without pictures
  /// embed     the decoder's embedding of token ids
  /// returns   what the decoder consumes, [batch, seq, ...]
  /// throws    c10::Error if features and prompts disagree
  virtual decoder::DecoderInputs forward(const PromptBatch& prompts,
                                         const vision::TileFeatures& features,
                                         const TokenEmbedder& embed) = 0;
};

/// The one place where variants become modules (make_fusion.cpp).
/// throws  std::invalid_argument as validate()
std::shared_ptr<FusionModule> make_fusion(const FusionConfig& config);

}  // namespace nvlm::fusion
