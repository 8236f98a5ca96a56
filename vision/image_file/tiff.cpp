// TIFF and BigTIFF: reads the first directory; EXIF blocks are small TIFF files.
// source: TIFF 6.0 specification, section 2; BigTIFF as libtiff documents it
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "vision/image_file/inspect.h"

namespace nvlm::vision {
namespace {

enum TiffTag : uint32_t {
  kImageWidth = 256,
  kImageLength = 257,
  kStripOffsets = 273,
  kOrientation = 274,
  kStripByteCounts = 279,
  kTileOffsets = 324,
  kTileByteCounts = 325,
  kExtraSamples = 338,
};
constexpr uint64_t kUnassociatedAlpha = 2;
constexpr char kAssociatedAlpha = 1;

/// Where the values of one tag lie.
struct TiffField {
  int value_bytes = 0;
  uint64_t count = 0;
  uint64_t offset = 0;
};

struct TiffDirectory {
  ByteReader reader;
  bool big_endian;
  std::map<uint32_t, TiffField> fields;  // of the integer types, all inside the file

  bool has(uint32_t tag) const { return fields.count(tag) > 0; }
  uint64_t value(uint32_t tag, uint64_t index = 0) const {
    const TiffField& field = fields.at(tag);
    return reader.number(field.offset + index * static_cast<uint64_t>(field.value_bytes),
                         field.value_bytes);
  }
};

int tiff_value_bytes(uint32_t type) {
  switch (type) {
    case 1:
      return 1;
    case 3:
      return 2;
    case 4:
      return 4;
    case 16:
      return 8;
    default:
      return 0;  // not an unsigned integer
  }
}

TiffDirectory read_tiff_directory(std::string_view bytes) {
  const bool big_endian = bytes.substr(0, 1) == "M";
  const ByteReader reader(bytes, big_endian);
  TiffDirectory directory{reader, big_endian, {}};
  const bool big_tiff = reader.u16(2) == 43;
  const int word = big_tiff ? 8 : 4;
  const uint64_t entry_bytes = big_tiff ? 20 : 12;
  const uint64_t start = reader.number(big_tiff ? 8 : 4, word);
  const int count_bytes = big_tiff ? 8 : 2;
  const uint64_t entries = reader.number(start, count_bytes);
  for (uint64_t i = 0; i < entries; ++i) {
    const uint64_t entry = start + static_cast<uint64_t>(count_bytes) + i * entry_bytes;
    reader.slice(entry, entry_bytes);  // also ends the loop when the count is absurd
    TiffField field;
    field.value_bytes = tiff_value_bytes(reader.u16(entry + 2));
    if (field.value_bytes == 0) continue;
    field.count = reader.number(entry + 4, word);
    const uint64_t values = entry + 4 + static_cast<uint64_t>(word);
    const auto inline_values = static_cast<uint64_t>(word / field.value_bytes);
    field.offset = field.count <= inline_values ? values : reader.number(values, word);
    if (field.count > bytes.size()) {
      throw ImageFileError("truncated TIFF: a tag with " + std::to_string(field.count) +
                           " values, but the file ends after " + std::to_string(bytes.size()) +
                           " bytes");
    }
    reader.slice(field.offset, field.count * static_cast<uint64_t>(field.value_bytes));
    if (field.count > 0) directory.fields[reader.u16(entry)] = field;
  }
  return directory;
}

void check_tiff_parts(const TiffDirectory& directory, uint32_t offsets, uint32_t byte_counts) {
  if (!directory.has(offsets) || !directory.has(byte_counts)) return;
  if (directory.fields.at(offsets).count != directory.fields.at(byte_counts).count) {
    throw ImageFileError("damaged TIFF: as many strip offsets as strip sizes expected");
  }
  for (uint64_t i = 0; i < directory.fields.at(offsets).count; ++i) {
    const uint64_t offset = directory.value(offsets, i);
    const uint64_t length = directory.value(byte_counts, i);
    if (!directory.reader.has(offset, length)) {
      throw ImageFileError("truncated TIFF: strip " + std::to_string(i) + " ends at byte " +
                           std::to_string(offset + length) + ", but the file ends after " +
                           std::to_string(directory.reader.size()));
    }
  }
}

}  // namespace

ImageFileInfo inspect_tiff(std::string_view bytes) {
  const TiffDirectory directory = read_tiff_directory(bytes);
  if (!directory.has(kImageWidth) || !directory.has(kImageLength)) {
    throw ImageFileError("damaged TIFF: no width or height in the first directory");
  }
  if (!directory.has(kStripOffsets) && !directory.has(kTileOffsets)) {
    throw ImageFileError("damaged TIFF: no pixels in the first directory");
  }
  check_tiff_parts(directory, kStripOffsets, kStripByteCounts);
  check_tiff_parts(directory, kTileOffsets, kTileByteCounts);
  ImageFileInfo info;
  info.format = ImageFormat::kTiff;
  info.width = static_cast<int64_t>(directory.value(kImageWidth) & 0xFFFFFFFFU);
  info.height = static_cast<int64_t>(directory.value(kImageLength) & 0xFFFFFFFFU);
  if (directory.has(kOrientation)) {
    const uint64_t orientation = directory.value(kOrientation);
    if (orientation >= 1 && orientation <= 8) info.orientation = static_cast<int>(orientation);
  }
  return info;
}

std::string tiff_without_alpha_blending(std::string_view bytes) {
  const TiffDirectory directory = read_tiff_directory(bytes);
  std::string copy(bytes);
  if (directory.has(kExtraSamples) && directory.value(kExtraSamples) == kUnassociatedAlpha) {
    const TiffField& field = directory.fields.at(kExtraSamples);
    const int low_byte = directory.big_endian ? field.value_bytes - 1 : 0;
    copy[static_cast<size_t>(field.offset) + static_cast<size_t>(low_byte)] = kAssociatedAlpha;
  }
  return copy;
}

int exif_orientation(std::string_view block) {
  if (block.substr(0, 4) == "Exif") block.remove_prefix(std::min<size_t>(6, block.size()));
  if (block.substr(0, 2) != "II" && block.substr(0, 2) != "MM") return 1;
  try {
    const TiffDirectory directory = read_tiff_directory(block);
    if (!directory.has(kOrientation)) return 1;
    const uint64_t orientation = directory.value(kOrientation);
    return orientation >= 1 && orientation <= 8 ? static_cast<int>(orientation) : 1;
  } catch (const ImageFileError&) {
    return 1;  // decided in inspect.h: readable without it
  }
}

}  // namespace nvlm::vision
