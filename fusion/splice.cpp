#include "fusion/splice.h"

#include <algorithm>

#include "common/check.h"

namespace nvlm::fusion {
namespace {

/// A surplus of one sample would silently land in the slots of the next.
void check_slots(const PromptBatch& prompts, const vision::TileFeatures& tiles) {
  const int64_t tile_tokens = tiles.num_tiles() > 0 ? tiles.tokens.size(1) : 0;
  std::vector<int64_t> num_tiles(prompts.samples.size(), 0);
  for (const vision::TileRef& tile : tiles.tiles) {
    TORCH_CHECK(tile.sample >= 0 && tile.sample < prompts.size(),
                "fusion.splice: a tile of sample ", tile.sample, " in a batch of ", prompts.size());
    ++num_tiles[static_cast<size_t>(tile.sample)];
  }
  for (size_t sample = 0; sample < prompts.samples.size(); ++sample) {
    const std::vector<bool>& is_slot = prompts.samples[sample].is_slot;
    const int64_t slots = std::count(is_slot.begin(), is_slot.end(), true);
    TORCH_CHECK(slots == num_tiles[sample] * tile_tokens, "fusion.splice: sample ", sample, " has ",
                slots, " image slots but ", num_tiles[sample] * tile_tokens, " tile tokens (",
                num_tiles[sample], " tiles x ", tile_tokens, ")");
  }
}

}  // namespace

Tensor splice(const Tensor& embeddings, const PromptBatch& prompts,
              const vision::TileFeatures& tiles) {
  expect_shape(embeddings, {prompts.ids.size(0), prompts.ids.size(1), -1}, "embeddings");
  check_slots(prompts, tiles);
  if (tiles.num_tiles() == 0) return embeddings;
  expect_shape(tiles.tokens, {tiles.num_tiles(), -1, embeddings.size(2)}, "tile tokens");
  return embeddings.masked_scatter(prompts.is_slot.unsqueeze(-1),
                                   tiles.tokens.to(embeddings.scalar_type()));
}

}  // namespace nvlm::fusion
