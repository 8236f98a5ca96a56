// Antialiased bicubic resampling of 8-bit RGB, bit for bit as Pillow's Image.resize does it.
#pragma once

#include <cstdint>

namespace nvlm::vision {

/// Resamples each row: [height, width, 3] -> [height, new_width, 3], contiguous, RGB.
/// source  Pillow, ImagingResampleHorizontal_8bpc (bicubic, a = -0.5, 22-bit fixed point)
void resample_rows(const uint8_t* in, int64_t height, int64_t width, uint8_t* out,
                   int64_t new_width);

/// Resamples each column: [height, row_bytes] -> [new_height, row_bytes], contiguous.
/// source  Pillow, ImagingResampleVertical_8bpc
void resample_columns(const uint8_t* in, int64_t height, int64_t row_bytes, uint8_t* out,
                      int64_t new_height);

}  // namespace nvlm::vision
