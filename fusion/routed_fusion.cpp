#include "fusion/routed_fusion.h"

#include <c10/core/GradMode.h>

#include <vector>

#include "common/parameter_scope.h"
#include "decoder/llama.h"
#include "fusion/remember.h"
#include "fusion/splice.h"

namespace nvlm::fusion {
namespace {

void check_order(const PromptBatch& prompts, const vision::TileFeatures& features) {
  const std::vector<vision::TileRef> planned = prompts.tile_refs();
  TORCH_CHECK(planned.size() == features.tiles.size(), "fusion.forward: the prompts plan ",
              planned.size(), " tiles but there are features of ", features.tiles.size());
  for (size_t i = 0; i < planned.size(); ++i) {
    const vision::TileRef &want = planned[i], &have = features.tiles[i];
    TORCH_CHECK(want.sample == have.sample && want.image == have.image && want.tile == have.tile &&
                    want.role == have.role,
                "fusion.forward: features ", i, " are of sample ", have.sample, " picture ",
                have.image, " tile ", have.tile, ", expected sample ", want.sample, " picture ",
                want.image, " tile ", want.tile);
  }
}

/// The tiles that the prompts send along `route`, in order.
vision::TileFeatures tiles_by_route(const vision::TileFeatures& tiles, const PromptBatch& prompts,
                                    Route route) {
  vision::TileFeatures chosen;
  std::vector<int64_t> rows;
  int64_t row = 0;
  for (const Prompt& prompt : prompts.samples) {
    for (const TilePlacement& place : prompt.tiles) {
      if (place.route == route) {
        rows.push_back(row);
        chosen.tiles.push_back(tiles.tiles[static_cast<size_t>(row)]);
      }
      ++row;
    }
  }
  if (chosen.num_tiles() == tiles.num_tiles()) return tiles;
  if (rows.empty()) return {};
  chosen.tokens =
      tiles.tokens.index_select(0, at::tensor(rows, at::kLong).to(tiles.tokens.device()));
  return chosen;
}

/// The prompts as plain text, each slot still an image-pad token.
decoder::DecoderInputs text_inputs(const PromptBatch& prompts, const TokenEmbedder& embed) {
  return {.embeddings = embed(prompts.ids),
          .position_ids = decoder::position_ids_of(prompts.attention_mask),
          .attention_mask = prompts.attention_mask,
          .cross_attention = std::nullopt,
          .rows = nullptr};
}

GatedCrossAttentionStack make_blocks(const FusionConfig& config) {
  switch (config.block) {
    case BlockKind::kLlama:
      return GatedCrossAttentionStack(config.cross_attention, config.depths);
    case BlockKind::kFlamingo:
      return GatedCrossAttentionStack(flamingo_block(config.cross_attention), config.depths);
  }
  TORCH_INTERNAL_ASSERT(false, "no such block");
}

}  // namespace

RoutedFusion::RoutedFusion(const FusionConfig& config)
    : bind_memory_tags_(config.bind_memory_tags) {
  projector_ = register_module("mlp1", Projector(config.projector));
  if (config.resampler.latents > 0) {
    resampler_ =
        register_module("resampler", PerceiverResampler(config.resampler, resampler_sizes(config)));
  }
  if (routing(config.variant).uses_memory()) {
    blocks_ = register_module("cross_attention", make_blocks(config));
    if (config.num_tile_positions > 0) {
      tile_positions_ = register_module(
          "tile_positions", Embedding(1 + config.num_tile_positions, config.projector.output));
      if (initialises_parameters()) {
        const c10::NoGradGuard no_grad;
        tile_positions_->weight.normal_(0, 0.02);
      }
    }
  }
}

vision::TileFeatures RoutedFusion::positioned(vision::TileFeatures tiles) {
  if (tile_positions_.is_empty() || tiles.num_tiles() == 0) return tiles;
  const int64_t positions = tile_positions_->weight.size(0) - 1;
  std::vector<int64_t> rows;
  rows.reserve(tiles.tiles.size());
  for (const vision::TileRef& tile : tiles.tiles) {
    rows.push_back(tile.role == vision::TileRole::kThumbnail ? 0 : tile.tile + 1);
    TORCH_CHECK(rows.back() <= positions, "fusion.forward: tile ", rows.back(),
                " of a picture, but the model has positions for ", positions);
  }
  const Tensor index = at::tensor(rows, at::kLong).to(tiles.tokens.device());
  tiles.tokens = tiles.tokens + tile_positions_(index).unsqueeze(1);
  return tiles;
}

decoder::DecoderInputs RoutedFusion::forward(const PromptBatch& prompts,
                                             const vision::TileFeatures& features,
                                             const TokenEmbedder& embed) {
  check_order(prompts, features);
  vision::TileFeatures tiles = features;
  if (tiles.num_tiles() > 0) tiles.tokens = projector_(features.tokens);
  if (tiles.num_tiles() > 0 && resampler_) tiles.tokens = resampler_(tiles.tokens);

  decoder::DecoderInputs inputs = text_inputs(prompts, embed);
  inputs.embeddings =
      splice(inputs.embeddings, prompts, tiles_by_route(tiles, prompts, Route::kInline));
  const auto memory = remember(prompts, positioned(tiles_by_route(tiles, prompts, Route::kMemory)),
                               embed, bind_memory_tags_);
  if (!memory) return inputs;
  TORCH_CHECK(blocks_,
              "fusion.forward: the prompts send tiles to the memory, but this model has no "
              "cross-attention to read it");
  inputs.cross_attention = decoder::CrossAttention{blocks_.ptr(), memory->tokens, memory->mask};
  return inputs;
}

}  // namespace nvlm::fusion
