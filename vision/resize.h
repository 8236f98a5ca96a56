// Resizing pictures as Pillow does, so that tiles equal those the published models were made for.
#pragma once

#include "common/tensor.h"

namespace nvlm::vision {

/// Antialiased resize, bit for bit equal to Image.resize(..., BICUBIC) of Pillow 13: each
/// direction in 22-bit fixed point and rounded to 8 bits; rows first, but columns first where the
/// height shrinks by more than twice as many pixels as the width (Pillow before 13 always takes the
/// rows first, which differs by a few levels). A direction that keeps its size is not touched.
/// image    uint8 [old_height, old_width, 3], not empty
/// returns  uint8 [height, width, 3], a new tensor unless nothing had to be done
/// throws   c10::Error for another shape or dtype, or a size below 1 pixel
/// source   Pillow, src/libImaging/Resample.c
/// chosen:  own code, because at::_upsample_bicubic2d_aa on uint8 rounds its weights to 16 bits and
///          is off by 1 to 9 levels on about 1 per cent of the values
Tensor resize_bicubic(const Tensor& image, int64_t height, int64_t width);

/// The same with Pillow's BILINEAR, which Llama 3.2 Vision was trained with.
Tensor resize_bilinear(const Tensor& image, int64_t height, int64_t width);

}  // namespace nvlm::vision
