// The texts of two tables as grids of kinds, and how alike two texts are.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <unordered_map>
#include <vector>

#include "eval/metrics/common_subsequence.h"
#include "eval/metrics/grid_alignment.h"

namespace nvlm::eval {

/// A spanning cell's text stands in every position that it covers; positions without a cell are
/// blank. Similarity: see subsequence_similarity. Pairs of texts so long that they, or all pairs
/// together, would take seconds count as 1 if equal and 0 otherwise, a lower bound.
class GridTexts : public KindSimilarity {
 public:
  GridTexts(const Table& predicted, const Table& truth);

  const KindGrid& predicted() const { return predicted_.grid; }
  const KindGrid& truth() const { return truth_.grid; }
  double similarity(uint32_t predicted, uint32_t truth) override;
  /// Whether no pair was too long so far.
  bool exact() const { return exact_; }

 private:
  struct Side {
    KindGrid grid;
    std::vector<std::vector<uint32_t>> texts;  // per kind, as symbols
  };
  Side number(const Table& table);

  std::unordered_map<char32_t, uint32_t> symbols_;
  Side predicted_, truth_;
  CommonSubsequence engine_{0};
  uint32_t pattern_kind_ = std::numeric_limits<uint32_t>::max();  // none yet
  double steps_ = 0.0;
  bool exact_ = true;
};

}  // namespace nvlm::eval
