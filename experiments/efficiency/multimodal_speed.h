// How fast a whole model reads a picture and writes tokens, and what that work costs at least.
#pragma once

#include <cstdint>

#include "experiments/efficiency/ledger.h"
#include "experiments/efficiency/timing.h"
#include "fusion/multimodal_model.h"
#include "fusion/prompt.h"

namespace nvlm::experiments {

/// The parts of an answer: seconds, operations of the matrix products, bytes. All are of the whole
/// batch.
struct MultimodalSpeed {
  int64_t parameters = 0;
  BatchShape shape;  // of the prompt

  Spread encode_seconds;  // all tiles
  Spread fuse_seconds;    // projector, splicing or remembering
  Spread
      prefill_seconds;  // decoder and cross-attention over the prompt, logits of its last position
  Spread first_token_seconds;  // all three in a row
  Spread decode_seconds;       // one token behind the prompt

  double encode_flops = 0, fuse_flops = 0, prefill_flops = 0, decode_flops = 0;
  double decode_bytes = 0;  // weights, cache and memory that one token has to read
  CacheBytes cache;         // at the end of the prompt
  int64_t peak_bytes = 0;   // of the process while it was measured, weights included

  int64_t tiles() const { return shape.projected; }
};

/// Times prompts with random pixels, everything once to warm up and then `repeats` times.
/// config   the model's, or one that differs in the size of tiles
/// prompts  with a picture each, none padded
/// throws   c10::Error for prompts without pictures or of different lengths
MultimodalSpeed measure_multimodal(fusion::MultimodalModel& model,
                                   const fusion::MultimodalConfig& config,
                                   const fusion::PromptBatch& prompts, int repeats = 5);

}  // namespace nvlm::experiments
