#ifdef NVLM_IMAGE_FILES

#include <stdexcept>

#include "common/json.h"
#include "tests/support/temp_dir.h"
#include "tests/vision/image_bytes.h"
#include "tests/vision/image_files.h"
#include "tests/vision/support.h"
#include "vision/image.h"
#include "vision/image_file/inspect.h"
#include "vision/tiling.h"

namespace nvlm::vision {
namespace {

using namespace std::string_literals;
using test::as_rgb;
using test::encode;
using test::gradient;
using test::read_bytes;

Tensor pixels(std::initializer_list<int> values, int64_t height, int64_t width) {
  return at::tensor(std::vector<int>(values), at::kInt).to(at::kByte).view({height, width, 3});
}

TEST_CASE("decoded pictures of the reference") {
  const auto folder = test::golden("10a_image_tiles64");
  const auto decoded = test::open_golden("10a_image_tiles64", "decoded.safetensors");
  const Json images = read_json(folder / "case.json").at("images");
  for (const auto& [key, entry] : decoded.entries()) {
    const std::string picture = key.substr(0, key.rfind(".rgb"));
    // The reference clips 16-bit grey and leaves EXIF aside; ours are the other two.
    if (picture == "gray16" || picture == "exif") continue;
    CAPTURE(picture);
    test::check_levels(read_image(folder / images.at(picture).at("file").get<std::string>()),
                       decoded.tensor(key));
  }
}

TEST_CASE("from files to tiles of 64 and 448 pixels, as the reference") {
  const auto folder = test::golden("10a_image_tiles64");
  const auto small = test::open_golden("10a_image_tiles64", "expected.safetensors");
  const auto large = test::open_golden("10b_image_tiles448", "expected.safetensors");
  const Json images = read_json(folder / "case.json").at("images");
  for (const auto& [picture, facts] : images.items()) {
    if (picture == "gray16" || picture == "exif") continue;
    const double levels = picture == "exif_transposed" ? 3 : 0;  // JPEG decoders differ
    const Tensor image = read_image(folder / facts.at("file").get<std::string>());
    for (const int64_t most : {6, 12}) {
      const std::string key = picture + ".max" + std::to_string(most) + ".";
      CAPTURE(key);
      if (small.contains(key + "tiles")) {
        test::check_levels(cut_tiles(image, {64, 1, most, true}).tiles, small.tensor(key + "tiles"),
                           levels);
      }
      const TiledImage cut = cut_tiles(image, {448, 1, most, true});
      test::check_levels(cut.tiles.slice(1, 0, at::nullopt, 16).slice(2, 0, at::nullopt, 16),
                         large.tensor(key + "every16"), levels);
      const Tensor values = cut.tiles.to(at::kDouble).flatten(1, 2);
      test::check_close(values.mean(1), large.tensor(key + "mean"), {0.05, 0});
      test::check_close(values.std(1, /*unbiased=*/false), large.tensor(key + "std"), {0.05, 0});
      for (const auto& [name, y, x] :
           {std::tuple{"crop_y0_x0", 0, 0}, {"crop_y200_x300", 200, 300}}) {
        if (!large.contains(key + name)) continue;
        test::check_levels(cut.tiles.narrow(1, y, 32).narrow(2, x, 32), large.tensor(key + name),
                           levels);
      }
    }
  }
}

TEST_CASE("PNG kinds: palette, transparency, alpha, 16 bits, single bits") {
  const std::string palette = test::png_chunk("PLTE", "\x01\x02\x03\xC8\x64\x32");
  const std::string clear = test::png_chunk("tRNS", std::string("\0", 1));
  const Tensor two = pixels({200, 100, 50, 1, 2, 3}, 1, 2);
  test::check_levels(read_bytes(test::png_file(2, 1, 8, 3, "\0\1\0"s, palette)), two);
  test::check_levels(read_bytes(test::png_file(2, 1, 8, 3, "\0\1\0"s, palette + clear)), two);
  // Eight pixels of one bit each: 10000000.
  test::check_levels(read_bytes(test::png_file(8, 1, 1, 0, "\0\x80"s))[0][0],
                     at::full({3}, 255, at::kByte));
  // Fully transparent pixels keep their colour.
  test::check_levels(read_bytes(test::png_file(1, 1, 8, 6, "\0\x0A\x14\x1E\0"s)),
                     pixels({10, 20, 30}, 1, 1));
  // Grey with half an alpha; grey with a transparent colour.
  test::check_levels(read_bytes(test::png_file(1, 1, 8, 4, "\0\x4D\x80"s)),
                     pixels({77, 77, 77}, 1, 1));
  test::check_levels(
      read_bytes(test::png_file(1, 1, 8, 0, "\0\x4D"s, test::png_chunk("tRNS", "\0\x4D"s))),
      pixels({77, 77, 77}, 1, 1));
  // 16 bits: 0x01FF, 0xFE80, 0x7F7F keep their high bytes.
  test::check_levels(read_bytes(test::png_file(1, 1, 16, 2, "\0\x01\xFF\xFE\x80\x7F\x7F"s)),
                     pixels({1, 254, 127}, 1, 1));
  test::check_levels(read_bytes(test::png_file(1, 1, 16, 0, "\0\x80\xFF"s)),
                     pixels({128, 128, 128}, 1, 1));
  // Text and a broken colour profile do not matter.
  test::check_levels(
      read_bytes(test::png_file(1, 1, 8, 0, "\0\x07"s, test::png_chunk("iCCP", "nonsense"))),
      pixels({7, 7, 7}, 1, 1));
}

TEST_CASE("lossless WebP and TIFF, with and without alpha, 8 and 16 bits") {
  const cv::Mat picture = gradient(20, 30);
  const std::vector<int> lossless{cv::IMWRITE_WEBP_QUALITY, 101};
  test::check_levels(read_bytes(encode(picture, ".webp", lossless)), as_rgb(picture));
  test::check_levels(read_bytes(encode(picture, ".tiff")), as_rgb(picture));

  cv::Mat with_alpha(20, 30, CV_8UC4), deep(20, 30, CV_16UC3), deep_alpha(20, 30, CV_16UC4);
  for (int y = 0; y < 20; ++y) {
    for (int x = 0; x < 30; ++x) {
      const cv::Vec3b& p = picture.at<cv::Vec3b>(y, x);
      const auto wide = [&](int i) { return static_cast<uint16_t>(p[i] << 8 | 0xC0); };
      with_alpha.at<cv::Vec4b>(y, x) = {p[0], p[1], p[2], static_cast<uint8_t>(1 + 8 * x)};
      deep.at<cv::Vec3w>(y, x) = {wide(0), wide(1), wide(2)};
      deep_alpha.at<cv::Vec4w>(y, x) = {wide(0), wide(1), wide(2), 0x1234};
    }
  }
  test::check_levels(read_bytes(encode(with_alpha, ".webp", lossless)), as_rgb(picture));
  test::check_levels(read_bytes(encode(with_alpha, ".png")), as_rgb(picture));
  test::check_levels(read_bytes(encode(with_alpha, ".tiff")), as_rgb(picture));
  test::check_levels(read_bytes(encode(deep, ".tiff")), as_rgb(picture));
  test::check_levels(read_bytes(encode(deep, ".png")), as_rgb(picture));
  test::check_levels(read_bytes(encode(deep_alpha, ".tiff")), as_rgb(picture));
  cv::Mat grey(20, 30, CV_8UC1, cv::Scalar(99));
  test::check_levels(read_bytes(encode(grey, ".tiff")), at::full({20, 30, 3}, 99, at::kByte));
  test::check_levels(read_bytes(encode(grey, ".jpg")), at::full({20, 30, 3}, 99, at::kByte));
}

TEST_CASE("a TIFF that declares its alpha unassociated keeps its colours") {
  // One pixel (10, 20, 30), alpha 0, big-endian.
  const auto entry = [](int tag, int type, int count, uint64_t value) {
    const bool is_short = type == 3;
    return test::big_endian_bytes(static_cast<uint64_t>(tag), 2) +
           test::big_endian_bytes(static_cast<uint64_t>(type), 2) +
           test::big_endian_bytes(static_cast<uint64_t>(count), 4) +
           (is_short && count == 1 ? test::big_endian_bytes(value, 2) + "\0\0"s
                                   : test::big_endian_bytes(value, 4));
  };
  const uint64_t after = 8 + 2 + 11 * 12 + 4;
  const std::string bytes = "MM\0*\0\0\0\x08\0\x0B"s + entry(256, 3, 1, 1) + entry(257, 3, 1, 1) +
                            entry(258, 3, 4, after) + entry(259, 3, 1, 1) + entry(262, 3, 1, 2) +
                            entry(273, 4, 1, after + 8) + entry(277, 3, 1, 4) +
                            entry(278, 3, 1, 1) + entry(279, 4, 1, 4) + entry(284, 3, 1, 1) +
                            entry(338, 3, 1, 2) + "\0\0\0\0"s + "\0\x08\0\x08\0\x08\0\x08"s +
                            "\x0A\x14\x1E\0"s;
  test::check_levels(read_bytes(bytes), pixels({10, 20, 30}, 1, 1));
}

TEST_CASE("EXIF orientation is applied to PNG, JPEG and WebP") {
  // Top left is bright, the rest dark, so that each of the eight orientations looks different.
  const Tensor upright = at::zeros({2, 3, 3}, at::kByte);
  upright[0][0].fill_(255);
  upright[0][1].fill_(128);
  const Tensor side = upright.transpose(0, 1);
  // How a camera stores the upright picture under each orientation.
  const std::vector<Tensor> stored{
      upright, upright.flip({1}), upright.flip({0, 1}), upright.flip({0}),
      side,    side.flip({0}),    side.flip({0, 1}),    side.flip({1})};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    CAPTURE(orientation);
    const Tensor as_stored = stored[static_cast<size_t>(orientation - 1)].contiguous();
    std::string raw;
    for (int64_t y = 0; y < as_stored.size(0); ++y) {
      raw += '\0';
      for (int64_t x = 0; x < as_stored.size(1); ++x) {
        raw += static_cast<char>(as_stored[y][x][0].item<int>());
      }
    }
    const auto width = static_cast<uint64_t>(as_stored.size(1));
    const auto height = static_cast<uint64_t>(as_stored.size(0));
    test::check_levels(
        read_bytes(test::png_file(width, height, 8, 0, raw,
                                  test::png_chunk("eXIf", test::exif_block(orientation)))),
        upright);
    // The same as a JPEG of 16 x 16 blocks.
    const cv::Mat mat(as_stored.size(0), as_stored.size(1), CV_8UC3, as_stored.data_ptr());
    cv::Mat blocks(mat.rows * 16, mat.cols * 16, CV_8UC3);
    for (int y = 0; y < blocks.rows; ++y) {
      for (int x = 0; x < blocks.cols; ++x) {
        blocks.at<cv::Vec3b>(y, x) = mat.at<cv::Vec3b>(y / 16, x / 16);
      }
    }
    const std::string jpeg = encode(blocks, ".jpg", {cv::IMWRITE_JPEG_QUALITY, 100});
    const std::string exif = "Exif\0\0"s + test::exif_block(orientation);
    const Tensor image =
        read_bytes(jpeg.substr(0, 2) + "\xFF\xE1" + test::big_endian_bytes(exif.size() + 2, 2) +
                   exif + jpeg.substr(2));
    REQUIRE(image.sizes() == at::IntArrayRef({32, 48, 3}));
    test::check_levels(image.slice(0, 8, at::nullopt, 16).slice(1, 8, at::nullopt, 16), upright, 4);
    // And as a WebP.
    std::string webp = encode(blocks, ".webp", {cv::IMWRITE_WEBP_QUALITY, 101});
    const uint64_t canvas =
        static_cast<uint64_t>(blocks.cols - 1) | static_cast<uint64_t>(blocks.rows - 1) << 24;
    const std::string block = test::exif_block(orientation);
    webp = "WEBPVP8X"s + test::little_endian_bytes(10, 4) + "\x08\0\0\0"s +
           test::little_endian_bytes(canvas, 6) + webp.substr(12) + "EXIF" +
           test::little_endian_bytes(block.size(), 4) + block;
    webp = "RIFF" + test::little_endian_bytes(webp.size(), 4) + webp;
    test::check_levels(read_bytes(webp).slice(0, 8, at::nullopt, 16).slice(1, 8, at::nullopt, 16),
                       upright);
  }
}

TEST_CASE("written PNGs read back; nothing is left behind") {
  const test::TempDir folder;
  const Tensor image = test::random_picture(13, 7);
  write_png(folder / "a.png", image);
  test::check_levels(read_image(folder / "a.png"), image);
  CHECK(folder.num_entries() == 1);
  CHECK_THROWS_AS(write_png(folder / "absent" / "a.png", image), std::runtime_error);
  CHECK_THROWS_AS(write_png(folder / "b.png", image.to(at::kFloat)), c10::Error);
  CHECK_THROWS_AS(write_png(folder / "b.png", at::zeros({0, 3, 3}, at::kByte)), c10::Error);
  CHECK(folder.num_entries() == 1);
}

TEST_CASE("pictures of one pixel and of 20000 x 20 are read") {
  const cv::Mat wide = gradient(20, 20000);
  test::check_levels(read_bytes(encode(wide, ".png")), as_rgb(wide));
  CHECK(read_bytes(test::png_file(1, 1, 8, 0, "\0\x07"s)).sizes() == at::IntArrayRef({1, 1, 3}));
}

TEST_CASE("a damaged EXIF block leaves the picture as stored") {
  CHECK(exif_orientation(test::exif_block(6)) == 6);
  CHECK(exif_orientation("Exif\0\0"s + test::exif_block(3)) == 3);
  CHECK(exif_orientation(test::exif_block(9)) == 1);
  CHECK(exif_orientation(test::exif_block(6).substr(0, 15)) == 1);
  CHECK(exif_orientation("") == 1);
  CHECK(exif_orientation("Exif") == 1);
}

}  // namespace
}  // namespace nvlm::vision

#endif  // NVLM_IMAGE_FILES
