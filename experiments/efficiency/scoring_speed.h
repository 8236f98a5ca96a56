// How long it takes to score a predicted table.
#pragma once

#include <cstdint>

namespace nvlm::experiments {

struct ScoringSpeed {
  int64_t rows = 0, columns = 0;
  double teds_seconds = 0.0;   // one TEDS with contents
  double table_seconds = 0.0;  // all scores of one prediction, parsing included (score_table)
};

/// Scores a table with one lost row and a wrong character in every third cell, the median of
/// `repetitions` times.
/// throws  std::invalid_argument unless there are at least two rows, a column and a repetition
ScoringSpeed measure_scoring(int64_t rows, int64_t columns, int64_t repetitions = 7);

}  // namespace nvlm::experiments
