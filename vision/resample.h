// Antialiased resampling of 8-bit RGB, bit for bit as Pillow's Image.resize does it.
#pragma once

#include <cstdint>

namespace nvlm::vision {

enum class ResampleFilter {
  kBilinear,  // a triangle, reaching one input pixel (or, shrinking, one output pixel) far
  kBicubic    // a = -0.5, reaching two
};

/// Resamples each row: [height, width, 3] -> [height, new_width, 3], contiguous, RGB.
/// source  Pillow, ImagingResampleHorizontal_8bpc (22-bit fixed point)
void resample_rows(const uint8_t* in, int64_t height, int64_t width, uint8_t* out,
                   int64_t new_width, ResampleFilter filter);

/// Resamples each column: [height, row_bytes] -> [new_height, row_bytes], contiguous.
/// source  Pillow, ImagingResampleVertical_8bpc
void resample_columns(const uint8_t* in, int64_t height, int64_t row_bytes, uint8_t* out,
                      int64_t new_height, ResampleFilter filter);

}  // namespace nvlm::vision
