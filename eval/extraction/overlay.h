// Draws on a page what was read from it.
#pragma once

#include <vector>

#include "common/tensor.h"
#include "eval/extraction/extract_page.h"

namespace nvlm::eval {

/// The page with a frame around each table, green, orange or red for ok, check and fail, its number
/// and status above it, and thin frames around the cells whose boxes are known, coloured by their
/// confidence in the same way (kOkConfidence, kLowCellConfidence; grey where it is unknown).
/// page     uint8 [height, width, 3]
/// returns  uint8 [height, width, 3], a copy
Tensor draw_overlay(const Tensor& page, const std::vector<ExtractedTable>& tables);

}  // namespace nvlm::eval
