// How many cells of a table were read exactly.
#pragma once

#include <cstdint>

#include "eval/table/table.h"

namespace nvlm::eval {

struct CellAccuracy {
  int64_t correct = 0;               // matched positions with the same text, which is not blank
  int64_t predicted = 0, truth = 0;  // positions with text
  bool exact = true;                 // false: a lower bound, see GridAlignment

  /// correct / the larger of predicted and truth: a cell that is lost and one that is invented both
  /// cost. 1 if there is no text on either side.
  double accuracy() const;
};

/// Both tables are flattened, since Markdown has no spans; rows and columns are matched by
/// align_grids, so that one lost row costs its own cells only. Texts are compared as they are: see
/// canonical.h.
CellAccuracy cell_accuracy(const Table& predicted, const Table& truth);

}  // namespace nvlm::eval
