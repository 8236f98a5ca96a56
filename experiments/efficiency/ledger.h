// What a model costs: the matrix products of every part, exactly, for any configuration, without
// building it. Norms, activations, softmax and look-ups are left out: no convention counts them.
#pragma once

#include <cstdint>
#include <vector>

#include "experiments/efficiency/flop_tape.h"
#include "fusion/mllama_config.h"
#include "fusion/multimodal_config.h"
#include "fusion/prompt.h"

namespace nvlm::experiments {

/// Parts in which a backward pass trains the weights; none: inference.
struct TrainedParts {
  bool encoder = false;
  bool projector = false;
  bool cross_attention = false;  // blocks, positions of tiles, resampler
  bool decoder = false;          // with embeddings, norms and head

  bool any() const { return encoder || projector || cross_attention || decoder; }
};

/// NVLM's stages: the first trains projector and cross-attention, the second the decoder as well.
inline constexpr TrainedParts kPretrainedParts{.projector = true, .cross_attention = true};
inline constexpr TrainedParts kFinetunedParts{
    .projector = true, .cross_attention = true, .decoder = true};

/// How a pass is carried out.
struct Execution {
  TrainedParts trained;  // none: inference
  AttentionKernel kernel = AttentionKernel::kFused;
  /// The backward pass makes each decoder layer and cross-attention block again from its input
  /// instead of keeping what is inside.
  bool recomputes_layers = false;
};

/// What passes through the model at once. Lengths are those of the padded batch, since padding is
/// multiplied too.
struct BatchShape {
  int64_t batch = 1;
  int64_t sequence = 0;      // new positions of the decoder, slots of image tokens included
  int64_t past = 0;          // positions before them in a cache
  int64_t packed_rows = 0;   // positions that pass the decoder's linear maps, whole batch, where
                             // padding is packed away; 0: batch * sequence
  int64_t encoded = 0;       // tiles that the encoder sees; 0 where its features are kept
  int64_t projected = 0;     // tiles that pass the projector
  int64_t inline_tiles = 0;  // of these, in the decoder's sequence
  int64_t memory = 0;        // tokens of the memory, per sample; 0: no cross-attention runs
  int64_t new_memory = 0;    // of these, not projected to keys and values before
  int64_t memory_tiles = 0, memory_tags = 0;  // tiles and tag tokens in the memory, whole batch
  int64_t logits = 0;                         // positions that pass the head, whole batch
};

/// A forward pass over prompts as the models run it; each gives one row of logits, or with `labels`
/// one for each labelled position.
BatchShape shape_of(const fusion::PromptBatch& prompts, bool labels);

/// The same pass with the real positions packed (decoder/packed_rows.h).
BatchShape packed(BatchShape shape, const fusion::PromptBatch& prompts);

/// One more token for each sample behind `past` positions.
BatchShape decode_shape(const BatchShape& prompt, int64_t past);

/// By part. The decoder's part is its layers; keys and values of the memory belong to
/// cross-attention.
struct ModelFlops {
  PassFlops encoder, projector, decoder, cross_attention, logits;

  PassFlops all() const;
};

/// NVLM-D, X, H, InternVL.
ModelFlops model_flops(const fusion::MultimodalConfig& config, const BatchShape& shape,
                       const Execution& execution = {});

/// Text alone; `shape` without pictures.
ModelFlops model_flops(const decoder::LlamaConfig& config, const BatchShape& shape,
                       const Execution& execution = {});

/// Llama 3.2 Vision. shape.encoded and the other numbers of tiles are not looked at: the encoder
/// sees all of max_tiles for each picture, and the projector too.
/// used_tiles  by picture, of the whole batch; empty: no picture is encoded
ModelFlops model_flops(const fusion::MllamaConfig& config, const BatchShape& shape,
                       const std::vector<int64_t>& used_tiles, const Execution& execution = {});

/// Bytes that generation keeps for one sample.
struct CacheBytes {
  double sequence = 0;  // keys and values of the decoder's positions
  double memory = 0;    // keys and values of the memory in all cross-attention blocks
};

/// Keys and values of `positions`, for one sample. element_bytes: of a key, 2 for bfloat16
double cache_bytes(const decoder::LlamaConfig& config, int64_t positions, int64_t element_bytes);

/// The same with those of a memory of `memory` tokens in all cross-attention blocks.
CacheBytes cache_bytes(const fusion::MultimodalConfig& config, int64_t positions, int64_t memory,
                       int64_t element_bytes);

}  // namespace nvlm::experiments
