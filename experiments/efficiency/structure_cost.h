// What it costs to hold a model's answers to rectangular tables.
#pragma once

#include "decoder/tokenizer/tokenizer.h"
#include "fusion/multimodal_model.h"
#include "fusion/prompt.h"

namespace nvlm::experiments {

/// Median seconds of one decoding step of a batch.
struct StructureCost {
  double free_seconds = 0;
  double rectangular_seconds = 0;

  /// Share that the constraint adds, 0.01 for one per cent.
  double overhead() const { return rectangular_seconds / free_seconds - 1; }
};

/// Writes answers of equal length with and without the constraint, in turns, on random pixels; the
/// prompt's pass is not counted. States that the constraint meets for the first time are met in the
/// warm-up, as in a reader that has read a picture.
/// throws  std::runtime_error if the tokenizer cannot write tables
StructureCost measure_structure_cost(fusion::MultimodalModel& model,
                                     const decoder::Tokenizer& tokenizer,
                                     const fusion::PromptBatch& prompts);

}  // namespace nvlm::experiments
