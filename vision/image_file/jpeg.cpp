// JPEG: walks the markers. source: ITU-T T.81, annex B
#include <string>

#include "vision/image_file/inspect.h"

namespace nvlm::vision {
namespace {

constexpr uint32_t kStartOfScan = 0xDA, kEndOfImage = 0xD9, kExif = 0xE1;

bool is_frame_header(uint32_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}
bool is_arithmetic(uint32_t marker) { return marker >= 0xC9; }
bool stands_alone(uint32_t marker) { return marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8); }

[[noreturn]] void throw_truncated_jpeg(std::string_view bytes) {
  throw ImageFileError("truncated JPEG: the file ends after " + std::to_string(bytes.size()) +
                       " bytes without an end-of-image marker");
}

/// The offset of the first 0xFF of a marker that ends entropy-coded data from `offset` on.
size_t end_of_scan(std::string_view bytes, size_t offset) {
  while (true) {
    offset = bytes.find('\xff', offset);
    if (offset == std::string_view::npos || offset + 1 >= bytes.size()) throw_truncated_jpeg(bytes);
    const auto next = static_cast<unsigned char>(bytes[offset + 1]);
    const bool is_data = next == 0x00 || (next >= 0xD0 && next <= 0xD7);
    if (next != 0xFF && !is_data) return offset;
    offset += is_data ? 2 : 1;
  }
}

}  // namespace

ImageFileInfo inspect_jpeg(std::string_view bytes) {
  const ByteReader reader(bytes, /*big_endian=*/true);
  ImageFileInfo info;
  info.format = ImageFormat::kJpeg;
  bool has_frame = false, arithmetic = false;
  uint64_t offset = 2;
  while (true) {
    if (!reader.has(offset, 2)) throw_truncated_jpeg(bytes);
    if (reader.u8(offset) != 0xFF) {
      throw ImageFileError("damaged JPEG: no marker at byte " + std::to_string(offset));
    }
    const uint32_t marker = reader.u8(offset + 1);
    if (marker == 0xFF) {  // a fill byte
      ++offset;
      continue;
    }
    offset += 2;
    if (marker == kEndOfImage) break;
    if (stands_alone(marker)) continue;
    if (!reader.has(offset, 2)) throw_truncated_jpeg(bytes);
    const uint64_t length = reader.u16(offset);
    if (length < 2) {
      throw ImageFileError("damaged JPEG: a segment of " + std::to_string(length) +
                           " bytes at byte " + std::to_string(offset));
    }
    if (!reader.has(offset, length)) throw_truncated_jpeg(bytes);
    if (is_frame_header(marker)) {
      info.height = reader.u16(offset + 3);
      info.width = reader.u16(offset + 5);
      arithmetic = is_arithmetic(marker);
      has_frame = true;
    } else if (marker == kExif && reader.slice(offset, length).substr(2, 4) == "Exif") {
      info.orientation = exif_orientation(reader.slice(offset + 2, length - 2));
    }
    offset += length;
    if (marker == kStartOfScan) offset = end_of_scan(bytes, static_cast<size_t>(offset));
  }
  if (!has_frame) throw ImageFileError("damaged JPEG: no frame header");
  // Every block of 8 x 8 pixels takes a bit or more in Huffman coding; 16 for odd subsamplings.
  const double most_pixels = static_cast<double>(bytes.size()) * 8 * 64 * 16;
  if (!arithmetic && static_cast<double>(info.width * info.height) > most_pixels) {
    throw ImageFileError("damaged JPEG: it claims " + std::to_string(info.width) + " x " +
                         std::to_string(info.height) + " pixels, but has only " +
                         std::to_string(bytes.size()) + " bytes");
  }
  return info;
}

}  // namespace nvlm::vision
