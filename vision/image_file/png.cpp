// PNG: walks the chunks. source: https://www.w3.org/TR/png-3/#5DataRep
#include <string>

#include "vision/image_file/inspect.h"

namespace nvlm::vision {
namespace {

constexpr uint64_t kSignatureBytes = 8;
constexpr uint64_t kChunkFrame = 12;  // length, type, checksum

/// Calls visit(type, offset of the chunk, length of its data) up to and including IEND.
template <class Visit>
void for_each_png_chunk(std::string_view bytes, const Visit& visit) {
  const ByteReader reader(bytes, /*big_endian=*/true);
  uint64_t offset = kSignatureBytes;
  while (true) {
    if (!reader.has(offset, kChunkFrame)) {
      throw ImageFileError("truncated PNG: the file ends after " + std::to_string(bytes.size()) +
                           " bytes without an IEND chunk");
    }
    const uint64_t length = reader.u32(offset);
    const std::string_view type = reader.slice(offset + 4, 4);
    if (!reader.has(offset, kChunkFrame + length)) {
      throw ImageFileError("truncated PNG: the chunk at byte " + std::to_string(offset) +
                           " should hold " + std::to_string(length) +
                           " bytes, but the file ends after " + std::to_string(bytes.size()));
    }
    visit(type, offset, length);
    if (type == "IEND") return;
    offset += kChunkFrame + length;
  }
}

int64_t png_samples(uint32_t colour_type) {
  switch (colour_type) {
    case 0:
    case 3:
      return 1;
    case 2:
      return 3;
    case 4:
      return 2;
    case 6:
      return 4;
    default:
      throw ImageFileError("damaged PNG: colour type " + std::to_string(colour_type) +
                           ", expected 0, 2, 3, 4 or 6");
  }
}

}  // namespace

ImageFileInfo inspect_png(std::string_view bytes) {
  const ByteReader reader(bytes, /*big_endian=*/true);
  ImageFileInfo info;
  info.format = ImageFormat::kPng;
  uint64_t pixel_bytes = 0;
  int64_t bits_per_pixel = 0;
  for_each_png_chunk(bytes, [&](std::string_view type, uint64_t offset, uint64_t length) {
    const uint64_t data = offset + 8;
    if (offset == kSignatureBytes) {
      if (type != "IHDR" || length != 13) {
        throw ImageFileError("damaged PNG: it does not begin with an IHDR chunk of 13 bytes");
      }
      info.width = reader.u32(data);
      info.height = reader.u32(data + 4);
      bits_per_pixel = reader.u8(data + 8) * png_samples(reader.u8(data + 9));
    } else if (type == "IDAT") {
      pixel_bytes += length;
    } else if (type == "eXIf") {
      info.orientation = exif_orientation(reader.slice(data, length));
    }
  });
  // Deflate shrinks by at most 1032:1, so a header cannot claim more than its data can hold.
  const double needed = static_cast<double>(info.height) *
                        (static_cast<double>(info.width) * static_cast<double>(bits_per_pixel)) / 8;
  if (needed > 1032.0 * static_cast<double>(pixel_bytes) + 1032) {
    throw ImageFileError("damaged PNG: it claims " + std::to_string(info.width) + " x " +
                         std::to_string(info.height) + " pixels, but holds only " +
                         std::to_string(pixel_bytes) + " bytes of pixel data");
  }
  return info;
}

std::string png_pixel_chunks(std::string_view bytes) {
  std::string kept(bytes.substr(0, kSignatureBytes));
  kept.reserve(bytes.size());
  for_each_png_chunk(bytes, [&](std::string_view type, uint64_t offset, uint64_t length) {
    if (type == "IHDR" || type == "PLTE" || type == "IDAT" || type == "IEND") {
      kept.append(bytes, static_cast<size_t>(offset), static_cast<size_t>(kChunkFrame + length));
    }
  });
  return kept;
}

}  // namespace nvlm::vision
