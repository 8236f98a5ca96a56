// What a picture's own bytes say about it, read before anything is decoded or allocated.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "vision/image_file/byte_reader.h"

namespace nvlm::vision {

enum class ImageFormat { kPng, kJpeg, kWebp, kTiff };

/// "PNG", "JPEG", "WebP", "TIFF".
std::string_view name(ImageFormat format);

/// Facts from a picture's header.
struct ImageFileInfo {
  ImageFormat format = ImageFormat::kPng;
  int64_t width = 0;    // pixels as stored, before the orientation is applied
  int64_t height = 0;   // pixels as stored
  int orientation = 1;  // EXIF 1..8; 1 = as stored
};

/// Recognises the format by its first bytes, reads the size and checks that the file is complete
/// (all PNG chunks up to IEND, JPEG markers up to EOI, the RIFF length, all TIFF strips).
/// throws  ImageFileError: not a picture (and what the first bytes look like), truncated, or a size
///         that the data cannot hold
ImageFileInfo inspect_image(std::string_view bytes);

/// The bytes to hand to the decoder: of a PNG the chunks that carry pixels (so no text, colour
/// profile or transparency reaches it), of a TIFF a copy whose alpha is not multiplied into the
/// colours, else the bytes as they are. `bytes` must have passed inspect_image.
std::string decoder_input(std::string_view bytes, ImageFormat format);

/// Words for bytes that are no supported picture: "a PDF", "a GIF picture", "text" or "" (unknown).
std::string guess_content(std::string_view bytes);

// One reader for each format, in its own file; the first bytes have been recognised already.
ImageFileInfo inspect_png(std::string_view bytes);
ImageFileInfo inspect_jpeg(std::string_view bytes);
ImageFileInfo inspect_webp(std::string_view bytes);
ImageFileInfo inspect_tiff(std::string_view bytes);

/// The signature and the chunks IHDR, PLTE, IDAT, IEND of a PNG.
std::string png_pixel_chunks(std::string_view bytes);

/// A copy of a TIFF whose first directory calls its alpha channel associated: libtiff then leaves
/// the colours alone.
std::string tiff_without_alpha_blending(std::string_view bytes);

/// The orientation tag of an EXIF block (a small TIFF file; a leading "Exif\0\0" is skipped);
/// 1 when it is absent or the block is damaged, as a picture is readable without it.
int exif_orientation(std::string_view block);

}  // namespace nvlm::vision
