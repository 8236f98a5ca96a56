#include "fusion/remember.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "common/check.h"

namespace nvlm::fusion {
namespace {

constexpr int64_t kPadding = -1;

/// The memory in whole numbers. Its vectors have batch * memory entries, one for each column; a
/// column's source is a row of [all tags' tokens; all tiles' tokens; one zero row].
struct MemoryPlan {
  MemoryPlan(int64_t batch, int64_t width)
      : width(width),
        source(static_cast<size_t>(batch * width), kPadding),
        owner(source.size(), kPadding),
        visible_from(source.size(), 0) {}

  int64_t width;
  std::vector<int64_t> tag_ids;
  std::vector<int64_t> tag_sizes;     // by tile of the memory: how many of tag_ids are its own
  std::vector<int64_t> source;        // kPadding = the zero row
  std::vector<int64_t> owner;         // the tile of the sample that it belongs to
  std::vector<int64_t> visible_from;  // the first position whose ordinary text sees it
};

MemoryPlan plan_memory(const PromptBatch& prompts) {
  int64_t width = 0, num_tags = 0;
  for (const Prompt& prompt : prompts.samples) {
    width = std::max(width, prompt.memory_size());
    for (const TilePlacement& place : prompt.tiles) {
      num_tags += static_cast<int64_t>(place.memory_tag.size());
    }
  }
  MemoryPlan plan(prompts.size(), width);
  int64_t next_tile_row = num_tags;
  for (int64_t sample = 0; sample < prompts.size(); ++sample) {
    const Prompt& prompt = prompts.samples[static_cast<size_t>(sample)];
    for (size_t tile = 0; tile < prompt.tiles.size(); ++tile) {
      const TilePlacement& place = prompt.tiles[tile];
      if (place.route != Route::kMemory) continue;
      const auto tag_tokens = static_cast<int64_t>(place.memory_tag.size());
      plan.tag_sizes.push_back(tag_tokens);
      for (int64_t i = -tag_tokens; i < prompt.tile_tokens; ++i) {
        const auto column = static_cast<size_t>(sample * width + place.begin + i);
        plan.owner[column] = static_cast<int64_t>(tile);
        plan.visible_from[column] = prompt.visible_from[static_cast<size_t>(place.image)];
        if (i >= 0) {
          plan.source[column] = next_tile_row++;
        } else {
          plan.source[column] = static_cast<int64_t>(plan.tag_ids.size());
          plan.tag_ids.push_back(place.memory_tag[static_cast<size_t>(tag_tokens + i)]);
        }
      }
    }
  }
  std::replace(plan.source.begin(), plan.source.end(), kPadding, next_tile_row);
  return plan;
}

void check_tiles(const PromptBatch& prompts, const vision::TileFeatures& tiles) {
  for (int64_t sample = 0; sample < prompts.size(); ++sample) {
    const Prompt& prompt = prompts.samples[static_cast<size_t>(sample)];
    const auto planned =
        std::count_if(prompt.tiles.begin(), prompt.tiles.end(),
                      [](const TilePlacement& place) { return place.route == Route::kMemory; });
    const auto given =
        std::count_if(tiles.tiles.begin(), tiles.tiles.end(),
                      [&](const vision::TileRef& tile) { return tile.sample == sample; });
    const int64_t tokens = given > 0 ? tiles.tokens.size(1) : prompt.tile_tokens;
    TORCH_CHECK(planned == given && tokens == prompt.tile_tokens, "fusion.remember: sample ",
                sample, " plans ", planned, " tiles x ", prompt.tile_tokens,
                " tokens in the memory but has ", given, " tiles x ", tokens);
  }
}

/// The mean of each tile's tag, zero for a tile without one.
/// tags [tags, hidden] -> [tiles, hidden]
Tensor mean_tags(const Tensor& tags, const std::vector<int64_t>& tag_sizes) {
  Tensor weights = at::zeros({static_cast<int64_t>(tag_sizes.size()), tags.size(0)}, at::kDouble);
  int64_t begin = 0, tile = 0;
  for (const int64_t size : tag_sizes) {
    if (size > 0) weights[tile].narrow(0, begin, size).fill_(1.0 / static_cast<double>(size));
    begin += size;
    ++tile;
  }
  return weights.to(tags.options()).matmul(tags);
}

/// tile [batch, seq], real [batch, seq]; owner, visible_from [batch, memory]
/// -> [batch, seq, memory]
Tensor cross_attention_mask(const Tensor& tile, const Tensor& real, const Tensor& owner,
                            const Tensor& visible_from) {
  const Tensor reader = tile.unsqueeze(2);  // [batch, seq, 1]
  const Tensor position = at::arange(tile.size(1), tile.options()).view({1, -1, 1});
  const Tensor own_tile = reader == owner.unsqueeze(1);                // [batch, seq, memory]
  const Tensor after_picture = position >= visible_from.unsqueeze(1);  // [batch, seq, memory]
  const Tensor may_see = at::where(reader == kNoTile, after_picture, own_tile);
  return may_see.logical_and(real.unsqueeze(2)).logical_and((owner != kPadding).unsqueeze(1));
}

}  // namespace

std::optional<Memory> remember(const PromptBatch& prompts, const vision::TileFeatures& tiles,
                               const TokenEmbedder& embed, bool bind_tags) {
  check_tiles(prompts, tiles);
  const MemoryPlan plan = plan_memory(prompts);
  if (plan.width == 0) return std::nullopt;

  const auto device = tiles.tokens.device();
  const auto columns = [&](const std::vector<int64_t>& values) {
    return at::tensor(values, at::kLong).view({prompts.size(), plan.width}).to(device);
  };
  Tensor tile_tokens = tiles.tokens;                              // [tiles, tile_tokens, hidden]
  Tensor tags = tile_tokens.new_empty({0, tile_tokens.size(2)});  // [tags, hidden]
  if (!plan.tag_ids.empty()) {
    tags = embed(at::tensor(plan.tag_ids, at::kLong).to(device).unsqueeze(0)).squeeze(0);
    if (bind_tags) tile_tokens = tile_tokens + mean_tags(tags, plan.tag_sizes).unsqueeze(1);
  }
  const Tensor zero_row = tile_tokens.new_zeros({1, tile_tokens.size(2)});
  Memory memory;
  memory.tokens = at::cat({tags, tile_tokens.flatten(0, 1), zero_row})
                      .index_select(0, columns(plan.source).flatten())
                      .view({prompts.size(), plan.width, -1});  // [batch, memory, hidden]
  memory.mask = cross_attention_mask(prompts.tile, prompts.attention_mask, columns(plan.owner),
                                     columns(plan.visible_from));
  return memory;
}

}  // namespace nvlm::fusion
