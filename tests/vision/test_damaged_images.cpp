#ifdef NVLM_IMAGE_FILES

#include <fcntl.h>
#include <unistd.h>

#include <iostream>
#include <stdexcept>

#include "common/atomic_file.h"
#include "common/random.h"
#include "tests/vision/image_bytes.h"
#include "tests/vision/image_files.h"

namespace nvlm::vision {
namespace {

using namespace std::string_literals;
using test::check_complaint;
using test::complaint;
using test::encode;
using test::gradient;

TEST_CASE("files that are no pictures are named for what they are") {
  check_complaint("", "the file is empty");
  check_complaint("%PDF-1.7\n...", "first bytes 25 50 44 46 2d 31 2e 37 look like a PDF");
  check_complaint("GIF89a.....", "a GIF picture");
  check_complaint("BM......", "a BMP picture");
  check_complaint("<!DOCTYPE html><html>", "HTML or XML");
  check_complaint("| a | b |\n", "look like text");
  check_complaint("\x01\x02\x03\x04garbage", "not a PNG, JPEG, WebP or TIFF");
  check_complaint("\xFF", "not a PNG, JPEG, WebP or TIFF");
  check_complaint(std::string(test::kPngMagic.substr(0, 7)), "not a PNG");
  const test::TempDir folder;
  CHECK_THROWS_WITH(
      read_image(folder.path()),
      ("image: cannot read '" + folder.path().string() + "': it is a folder").c_str());
  CHECK_THROWS_AS(read_image(folder / "absent.png"), std::runtime_error);
}

TEST_CASE("sizes are refused by the header alone") {
  const std::string end = test::png_chunk("IDAT", "x") + test::png_chunk("IEND", "");
  const std::string magic(test::kPngMagic);
  check_complaint(magic + test::png_header(100000, 100000, 8, 2) + end, "100000 x 100000");
  check_complaint(magic + test::png_header(0, 5, 8, 2) + end, "0 x 5 pixels");
  check_complaint(magic + test::png_header(0xFFFFFFFF, 0xFFFFFFFF, 16, 6) + end, "4294967295");
  check_complaint(magic + test::png_header(10000, 10000, 8, 2) + end, "1 bytes of pixel data");
  std::string jpeg = encode(gradient(16, 16), ".jpg");
  const size_t frame = jpeg.find("\xFF\xC0\0\x11"s);
  REQUIRE(frame != std::string::npos);
  jpeg.replace(frame + 5, 4, "\xFF\xFF\xFF\xFF");
  check_complaint(jpeg, "65535 x 65535");
  jpeg.replace(frame + 5, 4, "\x2F\xFF\x2F\xFF");
  check_complaint(jpeg, "12287 x 12287");
  std::string webp = "WEBPVP8X"s + test::little_endian_bytes(10, 4) + "\0\0\0\0"s +
                     test::little_endian_bytes(0x01869F01869F, 6) + "VP8L" +
                     test::little_endian_bytes(5, 4) + "\x2F\0\0\0\0\0"s;
  check_complaint("RIFF" + test::little_endian_bytes(webp.size(), 4) + webp, "100000 x 100000");
  std::string tiff = encode(gradient(16, 16), ".tiff");
  for (const char tag : {'\0', '\1'}) {  // width and height: 100000, as LONG
    const size_t width = tiff.find(std::string{tag, '\1'}, 8);
    REQUIRE(width != std::string::npos);
    tiff.replace(width + 2, 10, "\4\0\1\0\0\0"s + test::little_endian_bytes(100000, 4));
  }
  CHECK(complaint(tiff) != "");
}

TEST_CASE("every cut-off file is an error, never half a picture") {
  const cv::Mat picture = gradient(24, 40);
  const std::vector<std::pair<std::string, std::string>> files{
      {"png", encode(picture, ".png")},
      {"jpeg", encode(picture, ".jpg")},
      {"progressive", encode(picture, ".jpg", {cv::IMWRITE_JPEG_PROGRESSIVE, 1})},
      {"webp", encode(picture, ".webp")},
      {"lossless webp", encode(picture, ".webp", {cv::IMWRITE_WEBP_QUALITY, 101})},
      {"tiff", encode(picture, ".tiff")}};
  for (const auto& [kind, bytes] : files) {
    CAPTURE(kind);
    CHECK(complaint(bytes) == "");
    const size_t step = std::max<size_t>(1, bytes.size() / 97);
    for (size_t length = 0; length + 1 < bytes.size(); length += step) {
      CAPTURE(length);
      CHECK(complaint(bytes.substr(0, length)).find("image: cannot read '") == 0);
    }
  }
  // A PNG with all its chunks whose pixel data end early.
  check_complaint(test::png_file(4, 4, 8, 0, "\0\1\2\3\4"s), "cannot be decoded");
  check_complaint(
      std::string(test::kPngMagic) + test::png_header(4, 4, 8, 0) + test::png_chunk("IEND", ""),
      "PNG");
  std::string flipped = encode(picture, ".png");
  flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 0x10);
  check_complaint(flipped, "PNG");
}

TEST_CASE("damaged bytes give a picture or an error, nothing else") {
  const cv::Mat picture = gradient(24, 40);
  Random random(21);
  for (const std::string& bytes :
       {encode(picture, ".png"), encode(picture, ".jpg"), encode(picture, ".webp"),
        encode(picture, ".tiff"), test::png_file(1, 1, 8, 0, "\0\1"s)}) {
    for (int round = 0; round < 60; ++round) {
      std::string damaged = bytes;
      for (int64_t flips = random.integer(1, 6); flips > 0; --flips) {
        // Half of the damage goes to the first bytes, where the sizes stand.
        const auto limit = static_cast<int64_t>(bytes.size()) - 1;
        const int64_t at =
            random.integer(0, random.chance(0.5) ? std::min<int64_t>(64, limit) : limit);
        damaged[static_cast<size_t>(at)] = static_cast<char>(random.integer(0, 255));
      }
      CAPTURE(round);
      const std::string message = complaint(damaged);
      CHECK((message.empty() || message.find("image: cannot read '") == 0));
    }
  }
}

TEST_CASE("the codecs stay silent about damaged files") {
  const test::TempDir folder;
  const std::string log = (folder / "stderr").string();
  const std::string png = test::png_file(4, 4, 8, 0, "\0\1\2\3\4"s);
  std::string jpeg = encode(gradient(64, 64), ".jpg");
  for (size_t i = jpeg.size() / 2; i + 2 < jpeg.size(); ++i) jpeg[i] = '\x55';
  std::cerr.flush();
  const int saved = dup(STDERR_FILENO);
  const int file = open(log.c_str(), O_CREAT | O_WRONLY, 0600);
  REQUIRE(dup2(file, STDERR_FILENO) == STDERR_FILENO);
  const std::string first = complaint(png), second = complaint(jpeg);
  std::cerr.flush();
  dup2(saved, STDERR_FILENO);
  close(saved);
  close(file);
  CHECK(first != "");
  CHECK(read_text_file(log) == "");
}

}  // namespace
}  // namespace nvlm::vision

#endif  // NVLM_IMAGE_FILES
