// Pixel shuffle: fewer tokens, each with the channels of a square of patches.
#pragma once

#include "common/tensor.h"

namespace nvlm::vision {

/// Joins factor x factor neighbouring patches into one token (InternVL's version "v2"): tokens
/// row-major; channels of patch (2r, 2c), then (2r, 2c+1), (2r+1, 2c), (2r+1, 2c+1).
/// patches  [tiles, rows, columns, channels]
/// returns  [tiles, rows / factor * columns / factor, factor * factor * channels]
/// throws   c10::Error if rows or columns is no multiple of factor
/// source   InternVL, InternVLChatModel.pixel_shuffle with ps_version "v2"; NVLM §4.1
Tensor pixel_shuffle(const Tensor& patches, int64_t factor = 2);

/// The inverse.
/// tokens   [tiles, rows / factor * columns / factor, factor * factor * channels]
/// rows, columns  the number of patches in each direction, before the shuffle
/// returns  [tiles, rows, columns, channels]
Tensor pixel_unshuffle(const Tensor& tokens, int64_t rows, int64_t columns, int64_t factor = 2);

}  // namespace nvlm::vision
