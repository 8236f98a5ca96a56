#include "experiments/efficiency/ledger.h"

#include <algorithm>

#include "vision/convolutional_stem.h"

namespace nvlm::experiments {
namespace {

/// Inside of a cross-attention block.
struct BlockSizes {
  int64_t hidden, heads, kv_heads, head_dim, ffn_hidden;
  int64_t ffn_matrices = 3;  // SwiGLU
};

/// The cross-attention blocks of a model; none for text.
struct BlockPlan {
  BlockSizes sizes{};
  std::vector<int64_t> depths;  // rising; each before the decoder layer of that number
};

BlockPlan block_plan(const fusion::FusionConfig& config) {
  if (!fusion::routing(config.variant).uses_memory()) return {};
  const fusion::GatedCrossAttentionConfig& block = config.cross_attention;
  const bool is_flamingo = config.block == fusion::BlockKind::kFlamingo;
  return {{block.attention.hidden, block.attention.heads,
           is_flamingo ? block.attention.heads : block.attention.kv_heads, block.attention.head_dim,
           block.ffn_hidden, is_flamingo ? 2 : 3},
          config.depths};
}

BlockPlan block_plan(const fusion::MllamaConfig& config) {
  const fusion::GatedCrossAttentionConfig block = config.cross_attention();
  return {{block.attention.hidden, block.attention.heads, block.attention.kv_heads,
           block.attention.head_dim, block.ffn_hidden, 3},
          config.depths()};
}

/// Which intermediate results have a gradient where the decoder begins.
struct Gradients {
  bool sequence = false;
  bool memory = false;
};

bool count_decoder_layer(const FlopTape& tape, PassFlops& part, const decoder::LlamaConfig& c,
                         const BatchShape& shape, bool has_gradient, bool is_trained) {
  const int64_t rows = shape.packed_rows > 0 ? shape.packed_rows : shape.batch * shape.sequence;
  const int64_t width = c.heads * c.head_dim, kv_width = c.kv_heads * c.head_dim;
  const bool normed = has_gradient || is_trained;
  const bool q = tape.linear(part, normed, rows, c.hidden, width, is_trained);
  const bool k = tape.linear(part, normed, rows, c.hidden, kv_width, is_trained);
  tape.linear(part, normed, rows, c.hidden, kv_width, is_trained);
  const bool mixed = tape.attention(part, q, k,
                                    {.batch = shape.batch,
                                     .heads = c.heads,
                                     .queries = shape.sequence,
                                     .keys = shape.past + shape.sequence,
                                     .head_dim = c.head_dim,
                                     .causal = shape.past == 0});
  const bool attended = tape.linear(part, mixed, rows, width, c.hidden, is_trained) || has_gradient;
  const bool fed = attended || is_trained;
  const int64_t into = c.feed_forward == decoder::FeedForwardKind::kSwiglu ? 2 : 1;
  bool inner = false;
  for (int64_t i = 0; i < into; ++i) {
    inner = tape.linear(part, fed, rows, c.hidden, c.ffn_hidden, is_trained);
  }
  return tape.linear(part, inner, rows, c.ffn_hidden, c.hidden, is_trained) || attended;
}

bool count_block(const FlopTape& tape, PassFlops& part, const BlockSizes& c,
                 const BatchShape& shape, Gradients gradients, bool is_trained) {
  const int64_t rows = shape.batch * shape.sequence;
  const int64_t memory_rows = shape.batch * shape.new_memory;
  const int64_t width = c.heads * c.head_dim, kv_width = c.kv_heads * c.head_dim;
  bool k = tape.linear(part, gradients.memory, memory_rows, c.hidden, kv_width, is_trained);
  tape.linear(part, gradients.memory, memory_rows, c.hidden, kv_width, is_trained);
  const bool normed = gradients.sequence || is_trained;
  const bool q = tape.linear(part, normed, rows, c.hidden, width, is_trained);
  const bool mixed = tape.attention(part, q, k,
                                    {.batch = shape.batch,
                                     .heads = c.heads,
                                     .queries = shape.sequence,
                                     .keys = shape.memory,
                                     .head_dim = c.head_dim});
  const bool attended =
      tape.linear(part, mixed, rows, width, c.hidden, is_trained) || gradients.sequence;
  const bool fed = attended || is_trained;
  bool inner = false;
  for (int64_t i = 1; i < c.ffn_matrices; ++i) {
    inner = tape.linear(part, fed, rows, c.hidden, c.ffn_hidden, is_trained);
  }
  return tape.linear(part, inner, rows, c.ffn_hidden, c.hidden, is_trained) || attended;
}

/// Adds `added` to `part`; `is_made_again` in the backward pass too.
void add_layer(PassFlops& part, PassFlops added, bool is_made_again) {
  if (is_made_again) added.backward += added.forward;
  part += added;
}

void count_decoder(const FlopTape& tape, ModelFlops& flops, const decoder::LlamaConfig& config,
                   const BlockPlan& blocks, const BatchShape& shape, Gradients gradients,
                   const Execution& execution) {
  const TrainedParts& trained = execution.trained;
  gradients.sequence = gradients.sequence || trained.decoder;
  const auto is_made_again = [&] { return execution.recomputes_layers && gradients.sequence; };
  for (int64_t depth = 0; depth <= config.layers; ++depth) {
    const bool has_block =
        shape.memory > 0 && std::binary_search(blocks.depths.begin(), blocks.depths.end(), depth);
    if (has_block) {
      PassFlops block;
      gradients.sequence =
          count_block(tape, block, blocks.sizes, shape, gradients, trained.cross_attention);
      add_layer(flops.cross_attention, block, is_made_again());
    }
    if (depth == config.layers) break;
    PassFlops layer;
    gradients.sequence =
        count_decoder_layer(tape, layer, config, shape, gradients.sequence, trained.decoder);
    add_layer(flops.decoder, layer, is_made_again());
  }
  tape.linear(flops.logits, gradients.sequence || trained.decoder, shape.logits, config.hidden,
              config.vocab, trained.decoder);
}

/// A convolution is a linear map of what its filters cover.
/// returns  whether its output has a gradient
bool count_stem(const FlopTape& tape, PassFlops& part, const vision::VisionConfig& c, int64_t tiles,
                bool is_trained) {
  bool x = false;
  for (const vision::StemStage& stage : vision::stem_stages(c)) {
    const int64_t side = c.image_size / stage.pixels_a_place, rows = tiles * side * side;
    x = tape.linear(part, x, rows, stage.in * stage.kernel * stage.kernel, stage.out, is_trained);
    for (int64_t i = 0; i < stage.blocks; ++i) {
      x = tape.linear(part, x, rows,
                      stage.out * vision::kStemBlockKernel * vision::kStemBlockKernel, stage.out,
                      is_trained);
    }
  }
  return x;
}

/// returns  whether its output has a gradient
bool count_encoder(const FlopTape& tape, PassFlops& part, const vision::VisionConfig& c,
                   int64_t tiles, bool is_trained) {
  const int64_t tokens = 1 + c.patches(), rows = tiles * tokens, width = c.attention_width();
  bool x = c.stem_channels > 0 ? count_stem(tape, part, c, tiles, is_trained)
                               : tape.linear(part, false, tiles * c.patches(),
                                             3 * c.patch_size * c.patch_size, c.hidden, is_trained);
  for (int64_t layer = 0; layer < c.layers; ++layer) {
    const bool qkv = tape.linear(part, x, rows, c.hidden, 3 * width, is_trained);
    const bool mixed = tape.attention(part, qkv, qkv,
                                      {.batch = tiles,
                                       .heads = c.heads + c.dummy_heads,
                                       .queries = tokens,
                                       .keys = tokens,
                                       .head_dim = c.head_dim()});
    x = tape.linear(part, mixed, rows, width, c.hidden, is_trained);
    const bool inner = tape.linear(part, x, rows, c.hidden, c.ffn_hidden, is_trained);
    x = tape.linear(part, inner, rows, c.ffn_hidden, c.hidden, is_trained);
  }
  return x;
}

bool count_projector(const FlopTape& tape, PassFlops& part, const fusion::ProjectorConfig& c,
                     int64_t rows, bool has_gradient, bool is_trained) {
  const bool normed = has_gradient || is_trained;
  if (c.hidden == 0) return tape.linear(part, normed, rows, c.input, c.output, is_trained);
  const bool inner = tape.linear(part, normed, rows, c.input, c.hidden, is_trained);
  return tape.linear(part, inner, rows, c.hidden, c.output, is_trained);
}

/// Latents of each tile attend to its tokens and to themselves.
bool count_resampler(const FlopTape& tape, PassFlops& part, const fusion::FusionConfig& config,
                     int64_t tiles, int64_t tile_tokens, bool tokens, bool is_trained) {
  const fusion::PerceiverResamplerSizes c = fusion::resampler_sizes(config);
  const int64_t latents = config.resampler.latents, width = c.heads * c.head_dim;
  const int64_t rows = tiles * latents, memory_rows = tiles * (tile_tokens + latents);
  bool x = is_trained;  // the latents are parameters
  for (int64_t layer = 0; layer < config.resampler.layers; ++layer) {
    const bool memory = tokens || x;
    const bool q = tape.linear(part, x, rows, c.hidden, width, is_trained);
    const bool k = tape.linear(part, memory, memory_rows, c.hidden, width, is_trained);
    tape.linear(part, memory, memory_rows, c.hidden, width, is_trained);
    const bool mixed = tape.attention(part, q, k,
                                      {.batch = tiles,
                                       .heads = c.heads,
                                       .queries = latents,
                                       .keys = tile_tokens + latents,
                                       .head_dim = c.head_dim});
    x = tape.linear(part, mixed, rows, width, c.hidden, is_trained) || x;
    bool inner = false;
    for (int i = 0; i < 2; ++i) {
      inner = tape.linear(part, x, rows, c.hidden, c.ffn_hidden, is_trained);
    }
    x = tape.linear(part, inner, rows, c.ffn_hidden, c.hidden, is_trained) || x;
  }
  return x;
}

/// Four projections of all tokens; real tokens attend to all, padded ones to the real.
bool count_mllama_layer(const FlopTape& tape, PassFlops& part, const vision::MllamaVisionConfig& c,
                        int64_t used_tiles, bool x, bool is_trained) {
  const int64_t tokens = c.max_tiles * c.padded_patches(), real = used_tiles * c.patches();
  const bool normed = x || is_trained;
  bool qkv = false;
  for (int i = 0; i < 3; ++i) {
    qkv = tape.linear(part, normed, tokens, c.hidden, c.hidden, is_trained);
  }
  const int64_t head_dim = c.hidden / c.heads;
  const auto attend = [&](int64_t queries, int64_t keys) {
    return tape.attention(
        part, qkv, qkv, {.heads = c.heads, .queries = queries, .keys = keys, .head_dim = head_dim});
  };
  const bool mixed = attend(real, tokens);
  if (real < tokens) attend(tokens - real, real);
  x = tape.linear(part, mixed, tokens, c.hidden, c.hidden, is_trained) || x;
  const bool inner = tape.linear(part, x || is_trained, tokens, c.hidden, c.ffn_hidden, is_trained);
  return tape.linear(part, inner, tokens, c.ffn_hidden, c.hidden, is_trained) || x;
}

bool count_mllama_encoder(const FlopTape& tape, PassFlops& part,
                          const vision::MllamaVisionConfig& c, int64_t used_tiles,
                          bool is_trained) {
  bool x = tape.linear(part, false, c.max_tiles * (c.patches() - 1),
                       3 * c.patch_size * c.patch_size, c.hidden, is_trained);
  x = x || is_trained;  // embeddings of classes, tiles and positions
  for (int64_t layer = 0; layer < c.layers + c.global_layers; ++layer) {
    x = count_mllama_layer(tape, part, c, used_tiles, x, is_trained);
  }
  return x;
}

}  // namespace

BatchShape shape_of(const fusion::PromptBatch& prompts, bool labels) {
  BatchShape shape;
  shape.batch = prompts.size();
  shape.sequence = prompts.ids.size(1);
  for (const fusion::Prompt& prompt : prompts.samples) {
    shape.memory = std::max(shape.memory, prompt.memory_size());
    for (const fusion::TilePlacement& tile : prompt.tiles) {
      ++shape.projected;
      if (tile.route == fusion::Route::kInline) {
        ++shape.inline_tiles;
      } else {
        ++shape.memory_tiles;
        shape.memory_tags += static_cast<int64_t>(tile.memory_tag.size());
      }
    }
    if (labels) {
      shape.logits += std::count_if(prompt.labels.begin() + 1, prompt.labels.end(),
                                    [](int64_t id) { return id != fusion::kIgnoredLabel; });
    } else {
      ++shape.logits;
    }
  }
  shape.encoded = shape.projected;
  shape.new_memory = shape.memory;
  return shape;
}

BatchShape packed(BatchShape shape, const fusion::PromptBatch& prompts) {
  shape.packed_rows = 0;
  for (const fusion::Prompt& prompt : prompts.samples) shape.packed_rows += prompt.size();
  return shape;
}

BatchShape decode_shape(const BatchShape& prompt, int64_t past) {
  return {.batch = prompt.batch,
          .sequence = 1,
          .past = past,
          .memory = prompt.memory,
          .logits = prompt.batch};
}

PassFlops ModelFlops::all() const {
  PassFlops sum = encoder;
  for (const PassFlops& part : {projector, decoder, cross_attention, logits}) sum += part;
  return sum;
}

ModelFlops model_flops(const fusion::MultimodalConfig& config, const BatchShape& shape,
                       const Execution& execution) {
  const TrainedParts& trained = execution.trained;
  const FlopTape tape(trained.any(), execution.kernel);
  ModelFlops flops;
  const bool features =
      count_encoder(tape, flops.encoder, config.vision, shape.encoded, trained.encoder);
  const fusion::ProjectorConfig& projector = config.fusion.projector;
  bool tiles = count_projector(tape, flops.projector, projector,
                               shape.projected * config.tile_tokens(), features, trained.projector);
  if (config.fusion.resampler.latents > 0 && shape.projected > 0) {
    tiles = count_resampler(tape, flops.cross_attention, config.fusion, shape.projected,
                            config.tile_tokens(), tiles, trained.cross_attention);
  }
  Gradients gradients{.sequence = shape.inline_tiles > 0 && tiles, .memory = false};
  if (shape.new_memory > 0) {
    gradients.memory = (shape.memory_tiles > 0 && tiles) ||
                       (config.fusion.num_tile_positions > 0 && trained.cross_attention) ||
                       (shape.memory_tags > 0 && trained.decoder);
    if (config.fusion.bind_memory_tags && shape.memory_tags > 0) {  // the mean of each tile's tag
      tape.linear(flops.cross_attention, trained.decoder, shape.memory_tiles, shape.memory_tags,
                  projector.output, /*is_trained=*/false);
    }
  }
  count_decoder(tape, flops, config.decoder, block_plan(config.fusion), shape, gradients,
                execution);
  return flops;
}

ModelFlops model_flops(const decoder::LlamaConfig& config, const BatchShape& shape,
                       const Execution& execution) {
  ModelFlops flops;
  count_decoder(FlopTape(execution.trained.any(), execution.kernel), flops, config, {}, shape, {},
                execution);
  return flops;
}

ModelFlops model_flops(const fusion::MllamaConfig& config, const BatchShape& shape,
                       const std::vector<int64_t>& used_tiles, const Execution& execution) {
  const TrainedParts& trained = execution.trained;
  const FlopTape tape(trained.any(), execution.kernel);
  ModelFlops flops;
  bool features = false;
  for (const int64_t used : used_tiles) {
    features = count_mllama_encoder(tape, flops.encoder, config.vision, used, trained.encoder);
  }
  const auto pictures = static_cast<int64_t>(used_tiles.size());
  const bool memory = tape.linear(
      flops.projector, features, pictures * config.vision.max_tiles * config.vision.patches(),
      config.vision.output_width(), config.decoder.hidden, trained.projector);
  count_decoder(tape, flops, config.decoder, block_plan(config), shape,
                {.sequence = false, .memory = memory}, execution);
  return flops;
}

double cache_bytes(const decoder::LlamaConfig& config, int64_t positions, int64_t element_bytes) {
  return static_cast<double>(2 * config.layers * config.kv_heads * config.head_dim * positions *
                             element_bytes);
}

CacheBytes cache_bytes(const fusion::MultimodalConfig& config, int64_t positions, int64_t memory,
                       int64_t element_bytes) {
  const BlockPlan blocks = block_plan(config.fusion);
  const int64_t width =
      static_cast<int64_t>(blocks.depths.size()) * blocks.sizes.kv_heads * blocks.sizes.head_dim;
  return {cache_bytes(config.decoder, positions, element_bytes),
          static_cast<double>(2 * width * memory * element_bytes)};
}

}  // namespace nvlm::experiments
