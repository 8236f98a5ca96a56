// Choosing the next token from logits.
#pragma once

#include <cstdint>
#include <vector>

#include "common/random.h"
#include "common/tensor.h"

namespace nvlm::decoder {

struct SamplingConfig {
  double temperature = 0;  // 0 = greedy: the likeliest token
  int64_t top_k = 0;       // only the so many likeliest tokens; 0 = all
  double top_p = 1;        // only the likeliest tokens that together reach this probability
  uint64_t seed = 0;
};

/// Throws std::invalid_argument naming the field, its value and what is expected.
void validate(const SamplingConfig& config);

/// One random stream per sample, so that what a sample draws does not depend on its neighbours.
std::vector<Random> sampling_streams(const SamplingConfig& config, int64_t batch);

/// Draws one token per row: temperature first, then top_k, then top_p among what that leaves, as
/// Hugging Face does. At least one token always stays. The same streams give the same tokens.
/// logits   [batch, vocab], any floating dtype; -infinity = never
/// streams  one per row; each gives one number, none when greedy
/// returns  [batch], int64
Tensor sample(const Tensor& logits, const SamplingConfig& config, std::vector<Random>& streams);

}  // namespace nvlm::decoder
