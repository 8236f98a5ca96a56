// GriTS: similarity of two tables as grids, in topology and in content.
#pragma once

#include "eval/metrics/grid_alignment.h"
#include "eval/table/table.h"

namespace nvlm::eval {

struct GritsScore {
  double precision = 0.0;  // similarity of the matched positions / predicted positions
  double recall = 0.0;     // the same / true positions
  double f_score = 0.0;    // 2 * similarity / (predicted + true positions)
  bool exact = true;       // false: a lower bound, see GridAlignment
};

/// GriTS_Top: two grid positions are as alike as the intersection over union of their cells' spans,
/// seen from the position. A position without a cell counts as a cell of its own. Two empty tables
/// score 1, an empty one and another 0.
/// source: Smock et al. 2022 (arXiv 2203.12555)
GritsScore grits_topology(const Table& predicted, const Table& truth);

/// GriTS_Con: two grid positions are as alike as their texts, 2 * longest common subsequence / sum
/// of lengths; both blank: 1. A spanning cell's text stands in every position that it covers.
/// Texts are compared as they are: see canonical.h.
/// differs: the published code takes difflib's matching blocks, a lower bound of the longest common
///          subsequence that the paper names
GritsScore grits_content(const Table& predicted, const Table& truth);

}  // namespace nvlm::eval
