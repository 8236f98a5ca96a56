// Which rows and columns of two tables correspond: the most similar sub-grids of both.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "eval/table/table.h"

namespace nvlm::eval {

/// Alignments of more pairs of grid positions than this (4,000 with 4,000) are not computed.
inline constexpr int64_t kMaxAlignedPairs = 16'000'000;

/// Matching rows and columns, each as (predicted, true), both sides ascending.
struct GridAlignment {
  std::vector<std::pair<int64_t, int64_t>> rows, columns;
  /// False beyond kMaxAlignedPairs, where row k is matched with row k and column k with column k,
  /// or where texts were too long to be compared. Scores of it are lower bounds then.
  bool exact = true;
};

/// A grid whose positions hold numbers of what stands there; equal content has equal numbers.
struct KindGrid {
  int64_t num_rows = 0, num_columns = 0;
  uint32_t num_kinds = 0;
  std::vector<uint32_t> kinds;  // row by row, below num_kinds

  int64_t num_positions() const { return num_rows * num_columns; }
  uint32_t at(int64_t row, int64_t column) const {
    return kinds[static_cast<size_t>(row * num_columns + column)];
  }
};

/// How alike a kind of the predicted grid and one of the true grid are.
class KindSimilarity {
 public:
  virtual ~KindSimilarity() = default;
  /// In [0, 1]. Asked for all kinds of the truth in turn, then for the next predicted kind.
  virtual double similarity(uint32_t predicted, uint32_t truth) = 0;
};

/// The most similar sub-grids (2D-MSS) by the polynomial heuristic of GriTS: rows are aligned in
/// order to maximise the sum of their best column alignments, and columns in order to maximise the
/// sum of their best row alignments. On ties both sides advance.
/// Time and memory: predicted positions * true positions, at most kMaxAlignedPairs.
/// source: Smock et al. 2022 (arXiv 2203.12555), src/grits.py of microsoft/table-transformer
GridAlignment align_kinds(const KindGrid& predicted, const KindGrid& truth,
                          KindSimilarity& similarity);

/// Sum of the similarities of all pairs of positions that `alignment` matches.
double aligned_similarity(const KindGrid& predicted, const KindGrid& truth,
                          const GridAlignment& alignment, KindSimilarity& similarity);

/// The alignment that GriTS content finds: see grits_content, which says how texts compare.
GridAlignment align_grids(const Table& predicted, const Table& truth);

}  // namespace nvlm::eval
