// The idea of the project in one table: how each tile's tokens enter the decoder.
#pragma once

#include <string>
#include <string_view>

#include "vision/tiling.h"

namespace nvlm::fusion {

/// The variants that are compared.
enum class Variant {
  kDecoder,         // NVLM-D (§4.2.1)
  kCrossAttention,  // NVLM-X (§4.2.2)
  kHybrid,          // NVLM-H (§4.2.3)
  kReversed,        // the fourth cell of the table, which the paper leaves out; for the ablation
};

/// The two ways into the decoder.
enum class Route {
  kInline,  // in the decoder's sequence, read by self-attention
  kMemory,  // beside it, read by gated cross-attention
};

/// A variant: where the tokens of each kind of tile go, and the tags of those in the memory.
struct Routing {
  Route thumbnail = Route::kInline;
  Route regular = Route::kInline;
  /// Tags of tiles in the memory: text in the sequence that sees its tile only (X), or embeddings
  /// beside their tile in the memory (H). The tag of an inline tile is always text before it.
  Route memory_tags = Route::kInline;

  Route of(vision::TileRole role) const {
    return role == vision::TileRole::kThumbnail ? thumbnail : regular;
  }
  bool uses_memory() const { return thumbnail == Route::kMemory || regular == Route::kMemory; }
};

/// source   NVLM (arXiv 2409.11402) §4.2
/// chosen:  kReversed treats its tags as H does, being H with the roles exchanged
Routing routing(Variant variant);

/// "d", "x", "h", "reversed".
std::string name(Variant variant);

/// The inverse of name(). throws  std::invalid_argument listing the names
Variant parse_variant(std::string_view text);

}  // namespace nvlm::fusion
