// Which cells of a predicted table are right, beside how sure the reader was of them.
#pragma once

#include <vector>

#include "eval/statistics/calibration.h"
#include "eval/table/table.h"

namespace nvlm::eval {

/// One entry per cell of `predicted` that has a probability, in the order of the cells. A cell is
/// correct if its row and column have a partner in `truth` (align_grids, so that one lost row does
/// not condemn all below it) and the texts there are equal. Spans are flattened on both sides, and
/// texts are canonical (canonical.h).
std::vector<Judged> judge_cells(const Table& predicted, const Table& truth);

}  // namespace nvlm::eval
