#include "fusion/mllama_memory.h"

#include <algorithm>

#include "common/check.h"

namespace nvlm::fusion {
namespace {

/// A tile of the memory.
struct MemoryTile {
  int64_t row = 0;    // among all tiles of all pictures
  TextRange seen_by;  // empty for an unused tile
};

std::vector<std::vector<MemoryTile>> plan_mllama_tiles(const MllamaPromptBatch& prompts,
                                                       const MllamaImageFeatures& features,
                                                       bool keep_unused_tiles) {
  const int64_t max_tiles = features.tokens.size(1);
  std::vector<std::vector<MemoryTile>> plan(prompts.samples.size());
  int64_t image = 0;
  for (size_t sample = 0; sample < plan.size(); ++sample) {
    for (const TextRange& range : prompts.samples[sample].seen_by) {
      const int64_t used = features.num_tiles[static_cast<size_t>(image)];
      for (int64_t tile = 0; tile < (keep_unused_tiles ? max_tiles : used); ++tile) {
        plan[sample].push_back({image * max_tiles + tile, tile < used ? range : TextRange{}});
      }
      ++image;
    }
  }
  return plan;
}

}  // namespace

std::optional<Memory> remember_mllama(const MllamaPromptBatch& prompts,
                                      const MllamaImageFeatures& features, bool keep_unused_tiles) {
  TORCH_CHECK(prompts.num_images() == features.num_images(), "fusion.remember: the prompts have ",
              prompts.num_images(), " pictures but there are features of ", features.num_images());
  if (features.num_images() == 0) return std::nullopt;
  expect_shape(features.tokens, {features.num_images(), -1, -1, -1}, "fusion.remember: features");
  const int64_t max_tiles = features.tokens.size(1), patches = features.tokens.size(2);
  for (const int64_t tiles : features.num_tiles) {
    TORCH_CHECK(tiles >= 1 && tiles <= max_tiles, "fusion.remember: a picture of ", tiles,
                " tiles, expected 1 to ", max_tiles);
  }
  const auto plan = plan_mllama_tiles(prompts, features, keep_unused_tiles);
  size_t width = 0;  // tiles of the largest memory
  for (const auto& tiles : plan) width = std::max(width, tiles.size());

  const int64_t nothing = features.num_images() * max_tiles;  // the row of a tile of zeros
  Tensor source = at::full({prompts.size(), static_cast<int64_t>(width)}, nothing, at::kLong);
  Tensor mask = at::zeros({prompts.size(), prompts.ids.size(1), static_cast<int64_t>(width)},
                          at::kBool);  // [batch, seq, tiles]
  for (size_t sample = 0; sample < plan.size(); ++sample) {
    const auto row = static_cast<int64_t>(sample);
    for (size_t i = 0; i < plan[sample].size(); ++i) {
      const auto& [tile, range] = plan[sample][i];
      const auto column = static_cast<int64_t>(i);
      source[row][column] = tile;
      mask[row].select(1, column).narrow(0, range.begin, range.end - range.begin).fill_(true);
    }
  }
  const Tensor tiles = features.tokens.flatten(0, 1);  // [images * max_tiles, patches, hidden]
  const auto device = tiles.device();
  Memory memory;
  memory.tokens = at::cat({tiles, at::zeros_like(tiles.narrow(0, 0, 1))})
                      .index_select(0, source.flatten().to(device))
                      .view({prompts.size(), static_cast<int64_t>(width) * patches, -1});
  memory.mask = mask.to(device).repeat_interleave(patches, /*dim=*/2);  // [batch, seq, memory]
  return memory;
}

}  // namespace nvlm::fusion
