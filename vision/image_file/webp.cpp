// WebP: walks the RIFF chunks. source: https://developers.google.com/speed/webp/docs/riff_container
#include <algorithm>
#include <string>

#include "vision/image_file/inspect.h"

namespace nvlm::vision {

ImageFileInfo inspect_webp(std::string_view bytes) {
  const uint64_t end = uint64_t{8} + ByteReader(bytes, /*big_endian=*/false).u32(4);
  if (end > bytes.size()) {
    throw ImageFileError("truncated WebP: " + std::to_string(end) +
                         " bytes announced, but the file ends after " +
                         std::to_string(bytes.size()));
  }
  const ByteReader reader(bytes.substr(0, static_cast<size_t>(end)), /*big_endian=*/false);
  ImageFileInfo info;
  info.format = ImageFormat::kWebp;
  bool has_pixels = false;
  for (uint64_t offset = 12; reader.has(offset, 8);) {
    const std::string_view type = reader.slice(offset, 4);
    const uint64_t length = reader.u32(offset + 4);
    const uint64_t data = offset + 8;
    reader.slice(data, length);  // throws when the chunk is cut short
    int64_t width = 0, height = 0;
    if (type == "VP8X") {
      if ((reader.u8(data) & 2U) != 0) throw ImageFileError("animated WebP is not supported");
      width = int64_t{reader.u24(data + 4)} + 1;
      height = int64_t{reader.u24(data + 7)} + 1;
    } else if (type == "VP8 ") {
      width = reader.u16(data + 6) & 0x3FFFU;
      height = reader.u16(data + 8) & 0x3FFFU;
      has_pixels = true;
    } else if (type == "VP8L") {
      const uint32_t packed = reader.u32(data + 1);
      width = int64_t{packed & 0x3FFFU} + 1;
      height = int64_t{packed >> 14 & 0x3FFFU} + 1;
      has_pixels = true;
    } else if (type == "EXIF") {
      info.orientation = exif_orientation(reader.slice(data, length));
    }
    info.width = std::max(info.width, width);
    info.height = std::max(info.height, height);
    offset = data + length + (length & 1U);
  }
  if (!has_pixels) throw ImageFileError("damaged WebP: no picture in the file");
  return info;
}

}  // namespace nvlm::vision
