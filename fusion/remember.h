// The memory route: tile tokens wait beside the sequence, and a mask says who may read them.
#pragma once

#include <optional>

#include "common/tensor.h"
#include "fusion/prompt.h"
#include "fusion/token_embedder.h"
#include "vision/tile_features.h"

namespace nvlm::fusion {

/// What the text of a batch can look up.
struct Memory {
  Tensor tokens;  // [batch, memory, hidden]; zeros behind the end of a sample's memory
  Tensor mask;    // [batch, seq, memory], bool, true = may attend
};

/// Lays out the memory as the prompts planned it: tile by tile, each behind its tag if the tag
/// stands in the memory. To cross-attention the memory is a set: the order of tokens means nothing,
/// and a tag that only stands beside its tile cannot say which tile it names. So each token of a
/// tile also carries the mean of its tag's embeddings.
/// Who reads what:
///   ordinary text   every tile of the pictures that stand before it
///   a tile's token  (a tag, or a slot of an inline tile) its own tile and no other
///   padding         nothing, and nothing reads padding
/// tiles      the memory's tiles of the batch, tokens [tiles, tile_tokens, hidden]
/// embed      gives the embeddings of tags; called only if tags stand in the memory
/// bind_tags  false: tags in the memory stand beside their tiles and do nothing else
/// returns    nothing if no sample has a tile in the memory
/// throws     c10::Error if tiles are missing, surplus, or of another size than planned
/// source     NVLM §4.2.2 (a tag sees its own tile), §4.2.3 (tags in the memory)
/// differs:   the paper speaks of tags beside their tiles only, and of no position in the memory
/// chosen:  what text before a picture, and an inline thumbnail, may see; the paper does not say
///          (docs/decisions/0001-inside-of-x-and-h.md)
std::optional<Memory> remember(const PromptBatch& prompts, const vision::TileFeatures& tiles,
                               const TokenEmbedder& embed, bool bind_tags = true);

}  // namespace nvlm::fusion
