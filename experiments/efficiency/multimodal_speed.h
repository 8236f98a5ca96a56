// How fast a whole model reads a picture and writes tokens, and how far that is from the floors.
#pragma once

#include <cstdint>

#include "fusion/multimodal_model.h"
#include "fusion/prompt.h"

namespace nvlm::experiments {

/// Median seconds of the three parts of an answer, and what each costs at least.
struct MultimodalSpeed {
  int64_t parameters = 0;
  int64_t tiles = 0;
  int64_t sequence = 0;        // positions of the prompt in the decoder, slots included
  int64_t memory = 0;          // tokens of the memory; 0 without one
  double encode_seconds = 0;   // all tiles
  double encode_flops = 0;     // matrix products only
  double prefill_seconds = 0;  // projector, decoder and cross-attention over the whole prompt
  double prefill_flops = 0;
  double decode_seconds = 0;  // one token after the prompt
  double decode_bytes = 0;    // weights, cache and memory that one token has to read
};

/// Times one picture under one prompt, batch 1, with random pixels.
/// prompts  a batch of one prompt with a picture
/// throws   c10::Error for another batch
MultimodalSpeed measure_multimodal(fusion::MultimodalModel& model,
                                   const fusion::PromptBatch& prompts);

}  // namespace nvlm::experiments
