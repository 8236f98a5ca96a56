// Pictures of Llama 3.2 Vision beside the sequence, and which text may read which tile.
#pragma once

#include <optional>
#include <vector>

#include "common/tensor.h"
#include "fusion/mllama_prompt.h"
#include "fusion/remember.h"

namespace nvlm::fusion {

/// What the encoder and the projector made of the pictures of a batch, sample by sample.
struct MllamaImageFeatures {
  Tensor tokens;                   // [images, max_tiles, patches, hidden]
  std::vector<int64_t> num_tiles;  // by picture: used ones, first

  int64_t num_images() const { return static_cast<int64_t>(num_tiles.size()); }
};

/// Lays out the pictures of each sample one behind the other, tile by tile.
/// keep_unused_tiles  as the reference implementations do; nothing may see such tiles. Without them
///                    a small picture costs a quarter of the keys and values.
/// returns            nothing if no sample has a picture; rows behind the end of a sample's memory
///                    are 0, and nothing may see them
/// throws             c10::Error if features and prompts differ in the number of pictures
std::optional<Memory> remember_mllama(const MllamaPromptBatch& prompts,
                                      const MllamaImageFeatures& features, bool keep_unused_tiles);

}  // namespace nvlm::fusion
