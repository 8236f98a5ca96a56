// How well a model reads held-out tables, whatever it was trained by: the accuracy beside a speed.
#pragma once

#include <cstdint>
#include <vector>

#include "decoder/tokenizer/tokenizer.h"
#include "fusion/multimodal_model.h"

namespace nvlm::experiments {

/// TEDS of the greedy answers to the first `items` easy held-out tables, in their order: the same
/// tables for every model, which no training has seen. Scores below 0 are raised to 0.
/// config  the model's, or one that differs in the size or the number of tiles
/// throws  std::invalid_argument if a prompt fills the model's context
std::vector<double> reading_scores(fusion::MultimodalModel& model,
                                   const fusion::MultimodalConfig& config,
                                   const decoder::Tokenizer& tokenizer, int64_t items);

}  // namespace nvlm::experiments
