// Random tables: what stands in them, before anything is drawn.
#pragma once

#include "common/random.h"
#include "experiments/data/difficulty.h"
#include "experiments/data/table_spec.h"

namespace nvlm::experiments {

/// A table with headings, columns of one kind each, at times a total row, spans, lines broken
/// inside cells, headings of two rows and footnote marks, as `difficulty` allows. No row and no
/// column is wholly empty, so every one of them can be seen in a picture without rules.
/// throws  std::invalid_argument if `difficulty` is out of range
TableSpec generate_table(Random& random, const TableDifficulty& difficulty);

}  // namespace nvlm::experiments
