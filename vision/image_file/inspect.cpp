#include "vision/image_file/inspect.h"

#include <algorithm>
#include <array>
#include <utility>

namespace nvlm::vision {
namespace {

using namespace std::string_view_literals;

constexpr auto kPngSignature = "\x89PNG\r\n\x1a\n"sv;

bool is_webp(std::string_view bytes) {
  return bytes.substr(0, 4) == "RIFF" && bytes.size() >= 12 && bytes.substr(8, 4) == "WEBP";
}

bool is_tiff(std::string_view bytes) {
  const std::string_view magic = bytes.substr(0, 4);
  return magic == "II*\0"sv || magic == "MM\0*"sv || magic == "II+\0"sv || magic == "MM\0+"sv;
}

bool looks_like_text(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) {
    const auto value = static_cast<unsigned char>(c);
    return value >= 0x20 || c == '\n' || c == '\r' || c == '\t';
  });
}

std::string first_bytes(std::string_view bytes) {
  constexpr auto kDigits = "0123456789abcdef"sv;
  std::string text;
  for (const char c : bytes.substr(0, 8)) {
    const auto value = static_cast<unsigned char>(c);
    if (!text.empty()) text += ' ';
    text += kDigits[value >> 4];
    text += kDigits[value & 15];
  }
  return text;
}

}  // namespace

std::string_view name(ImageFormat format) {
  switch (format) {
    case ImageFormat::kPng:
      return "PNG";
    case ImageFormat::kJpeg:
      return "JPEG";
    case ImageFormat::kWebp:
      return "WebP";
    case ImageFormat::kTiff:
      return "TIFF";
  }
  return "";
}

std::string guess_content(std::string_view bytes) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 13> kKnown{{
      {"%PDF", "a PDF"},
      {"GIF8", "a GIF picture"},
      {"BM", "a BMP picture"},
      {"PK\x03\x04"sv, "a ZIP archive or an office document"},
      {"\x1f\x8b"sv, "gzip-compressed data"},
      {"\x00\x00\x01\x00"sv, "an ICO picture"},
      {"\xff\x4f\xff\x51"sv, "a JPEG 2000 picture"},
      {"\x00\x00\x00\x0cjP  "sv, "a JPEG 2000 picture"},
      {"\xff\x0a"sv, "a JPEG XL picture"},
      {"8BPS", "a Photoshop document"},
      {"%!PS", "PostScript"},
      {"<svg", "an SVG drawing"},
      {"version https://git-lfs", "a Git LFS pointer"},
  }};
  for (const auto& [magic, words] : kKnown) {
    if (bytes.substr(0, magic.size()) == magic) return std::string(words);
  }
  if (bytes.size() >= 12 && bytes.substr(4, 4) == "ftyp") return "a HEIC, AVIF or video file";
  if (bytes.substr(0, 1) == "<") return "HTML or XML";
  if (looks_like_text(bytes.substr(0, 64))) return "text";
  return "";
}

ImageFileInfo inspect_image(std::string_view bytes) {
  if (bytes.empty()) throw ImageFileError("the file is empty");
  if (bytes.substr(0, kPngSignature.size()) == kPngSignature) return inspect_png(bytes);
  if (bytes.substr(0, 3) == "\xff\xd8\xff") return inspect_jpeg(bytes);
  if (is_webp(bytes)) return inspect_webp(bytes);
  if (is_tiff(bytes)) return inspect_tiff(bytes);
  const std::string guess = guess_content(bytes);
  throw ImageFileError("not a PNG, JPEG, WebP or TIFF picture (first bytes " + first_bytes(bytes) +
                       (guess.empty() ? "" : " look like " + guess) + ")");
}

std::string decoder_input(std::string_view bytes, ImageFormat format) {
  if (format == ImageFormat::kPng) return png_pixel_chunks(bytes);
  if (format == ImageFormat::kTiff) return tiff_without_alpha_blending(bytes);
  return std::string(bytes);
}

}  // namespace nvlm::vision
