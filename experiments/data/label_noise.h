// Wrong ground truth: what a careless annotator would have written.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/random.h"
#include "experiments/data/glyph.h"

namespace nvlm::experiments {

/// Gives each cell of `answer` with probability `share` other text of the same length:
/// every character of it that the picture shows becomes a random letter or digit.
/// glyphs   of the picture that `answer` transcribes
/// share    0..1
/// returns  the number of cells changed
int64_t corrupt_cells(std::string& answer, const std::vector<Glyph>& glyphs, double share,
                      Random& random);

}  // namespace nvlm::experiments
