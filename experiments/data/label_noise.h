// Wrong ground truth: what a careless annotator would have written.
#pragma once

#include <cstdint>

#include "common/random.h"
#include "experiments/data/table_renderer.h"

namespace nvlm::experiments {

/// Gives each cell of `table.markdown` with probability `share` other text of the same length:
/// every character of it that the picture shows becomes a random letter or digit. The picture, its
/// glyphs and the HTML stay as they are.
/// share    0..1
/// returns  the number of cells changed
int64_t corrupt_cells(RenderedTable& table, double share, Random& random);

}  // namespace nvlm::experiments
