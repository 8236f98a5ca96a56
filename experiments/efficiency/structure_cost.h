// What it costs to hold a model's answers to rectangular tables.
#pragma once

#include "decoder/tokenizer/tokenizer.h"
#include "fusion/multimodal_model.h"
#include "fusion/prompt.h"

namespace nvlm::experiments {

/// Median seconds of one decoding step of a batch under the constraint.
struct StructureCost {
  double step_seconds = 0;        // all of it
  double constraint_seconds = 0;  // of these in the constraint: masking, and following the tokens

  /// Share that the constraint adds, 0.01 for one per cent.
  double overhead() const { return constraint_seconds / (step_seconds - constraint_seconds); }
};

/// Writes answers under the constraint on random pixels; the prompt's pass is not counted. Both
/// times are taken of the same steps: two runs, one with and one without, differ by more than what
/// is asked. States that the constraint meets for the first time are met in the warm-up, as in a
/// reader that has read a picture. throws  std::runtime_error if the tokenizer cannot write tables
StructureCost measure_structure_cost(fusion::MultimodalModel& model,
                                     const decoder::Tokenizer& tokenizer,
                                     const fusion::PromptBatch& prompts);

}  // namespace nvlm::experiments
