#include "eval/readers/cell_probabilities.h"

#include <algorithm>
#include <cmath>

namespace nvlm::eval {

void set_cell_probabilities(GfmTable& gfm, std::span<const AnswerToken> tokens) {
  for (size_t i = 0; i < gfm.table.cells.size(); ++i) {
    const ByteRange source = gfm.sources[i];
    auto token = std::partition_point(tokens.begin(), tokens.end(), [&](const AnswerToken& t) {
      return t.source.end <= source.begin;
    });
    double log_probability = 0.0;
    for (; token != tokens.end() && token->source.begin < source.end; ++token) {
      log_probability += token->log_probability;
    }
    if (source.begin < source.end) gfm.table.cells[i].probability = std::exp(log_probability);
  }
}

}  // namespace nvlm::eval
