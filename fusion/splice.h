// The inline route: tile tokens take the places that the prompt keeps for them.
#pragma once

#include "common/tensor.h"
#include "fusion/prompt.h"
#include "vision/tile_features.h"

namespace nvlm::fusion {

/// Puts tile tokens into the image slots, in order of occurrence; gradients flow to both.
/// embeddings  [batch, seq, hidden]
/// tiles       the inline tiles of the batch, tokens [tiles, tile_tokens, hidden]
/// returns     [batch, seq, hidden] in the dtype of `embeddings`
/// throws      c10::Error "fusion.splice: sample 1 has 512 image slots but 768 tile tokens
///             (3 tiles x 256)"; shapes that disagree
/// source      NVLM §4.2.1
Tensor splice(const Tensor& embeddings, const PromptBatch& prompts,
              const vision::TileFeatures& tiles);

}  // namespace nvlm::fusion
