#include "vision/image.h"

#ifdef NVLM_IMAGE_FILES

#include <cstdio>
#include <iostream>
#include <mutex>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <stdexcept>
#include <streambuf>

#include "common/atomic_file.h"
#include "common/check.h"
#include "vision/image_file/inspect.h"

namespace nvlm::vision {
namespace {

constexpr int64_t kMaxImageSide = int64_t{1} << 20;      // OpenCV's own limit
constexpr uintmax_t kMaxFileBytes = uintmax_t{1} << 30;  // more is no picture we can hold

/// Silences what the codecs print about damaged files (libpng and libjpeg write to stderr, OpenCV
/// to std::cerr): what matters is in our exception. File descriptor 2 stays, so crash reports and
/// loggers that hold their own stream are not affected.
class QuietCodecs {
 public:
  QuietCodecs() {
    const std::lock_guard lock(mutex());
    if (users()++ > 0) return;
    static std::FILE* const null_file = std::fopen("/dev/null", "w");
    static DiscardBuffer discard;
    saved_log_level() = cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
    saved_buffer() = std::cerr.rdbuf(&discard);
    saved_file() = stderr;
    if (null_file != nullptr) stderr = null_file;
  }
  ~QuietCodecs() {
    const std::lock_guard lock(mutex());
    if (--users() > 0) return;
    stderr = saved_file();
    std::cerr.rdbuf(saved_buffer());
    cv::utils::logging::setLogLevel(saved_log_level());
  }
  QuietCodecs(const QuietCodecs&) = delete;
  QuietCodecs& operator=(const QuietCodecs&) = delete;

 private:
  class DiscardBuffer : public std::streambuf {
   protected:
    int_type overflow(int_type c) override { return traits_type::not_eof(c); }
    std::streamsize xsputn(const char*, std::streamsize count) override { return count; }
  };

  static std::mutex& mutex() {
    static std::mutex value;
    return value;
  }
  static int& users() {
    static int value = 0;
    return value;
  }
  static std::FILE*& saved_file() {
    static std::FILE* value = nullptr;
    return value;
  }
  static std::streambuf*& saved_buffer() {
    static std::streambuf* value = nullptr;
    return value;
  }
  static cv::utils::logging::LogLevel& saved_log_level() {
    static cv::utils::logging::LogLevel value = cv::utils::logging::LOG_LEVEL_WARNING;
    return value;
  }
};

std::string size_words(int64_t width, int64_t height) {
  return std::to_string(width) + " x " + std::to_string(height);
}

void check_picture_size(const ImageFileInfo& info) {
  if (info.width < 1 || info.height < 1) {
    throw ImageFileError("a picture of " + size_words(info.width, info.height) + " pixels");
  }
  if (info.width > kMaxImageSide || info.height > kMaxImageSide ||
      info.width * info.height > kMaxImagePixels) {
    throw ImageFileError("the picture is " + size_words(info.width, info.height) +
                         " pixels; at most " + std::to_string(kMaxImagePixels) +
                         " pixels and a side of " + std::to_string(kMaxImageSide) +
                         " are accepted");
  }
}

/// Blue, green, red, of 8 or 16 bits.
cv::Mat decode_bgr(std::string_view bytes, const ImageFileInfo& info) {
  const std::string input = decoder_input(bytes, info.format);
  // A TIFF keeps its depth here: OpenCV would round to 8 bits, not take the high byte.
  const int depth = info.format == ImageFormat::kTiff ? cv::IMREAD_ANYDEPTH : 0;
  const int flags = cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION | depth;
  cv::Mat bgr;
  try {
    const QuietCodecs quiet;
    const cv::Mat buffer(1, static_cast<int>(input.size()), CV_8UC1,
                         const_cast<char*>(input.data()));  // only read
    bgr = cv::imdecode(buffer, flags);
  } catch (const cv::Exception& error) {
    throw ImageFileError("damaged " + std::string(name(info.format)) + ": " + error.err);
  }
  if (bgr.empty()) {
    throw ImageFileError("damaged " + std::string(name(info.format)) +
                         ": its pixel data cannot be decoded");
  }
  if (bgr.type() != CV_8UC3 && bgr.type() != CV_16UC3) {
    throw ImageFileError(std::string(name(info.format)) + " with samples of " +
                         cv::typeToString(bgr.depth()) + ", expected 8 or 16 bits, unsigned");
  }
  return bgr;
}

/// returns  uint8 [height, width, 3], red first
Tensor to_rgb_tensor(cv::Mat bgr) {
  Tensor rgb = at::empty({bgr.rows, bgr.cols, 3}, at::kByte);
  cv::Mat target(bgr.rows, bgr.cols, CV_8UC3, rgb.data_ptr());
  if (bgr.depth() == CV_16U) {
    for (int row = 0; row < bgr.rows; ++row) {
      const auto* from = bgr.ptr<uint16_t>(row);
      auto* to = target.ptr<uint8_t>(row);
      for (int i = 0; i < 3 * bgr.cols; ++i) to[i] = static_cast<uint8_t>(from[i] >> 8);
    }
    bgr = target;
  }
  cv::cvtColor(bgr, target, cv::COLOR_BGR2RGB);
  return rgb;
}

/// Turns a picture upright. orientation: EXIF 1..8
Tensor apply_orientation(const Tensor& image, int orientation) {
  switch (orientation) {
    case 2:
      return image.flip({1});
    case 3:
      return image.flip({0, 1});
    case 4:
      return image.flip({0});
    case 5:
      return image.transpose(0, 1).contiguous();
    case 6:
      return image.transpose(0, 1).flip({1}).contiguous();
    case 7:
      return image.transpose(0, 1).flip({0, 1}).contiguous();
    case 8:
      return image.transpose(0, 1).flip({0}).contiguous();
    default:
      return image;
  }
}

std::string read_picture_file(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) throw ImageFileError("it is a folder");
  const uintmax_t size = std::filesystem::file_size(path, error);
  if (!error && size > kMaxFileBytes) {
    throw ImageFileError("the file has " + std::to_string(size) + " bytes; at most " +
                         std::to_string(kMaxFileBytes) + " are accepted");
  }
  return read_text_file(path);
}

}  // namespace

Tensor read_image(const std::filesystem::path& path) {
  try {
    const std::string bytes = read_picture_file(path);
    const ImageFileInfo info = inspect_image(bytes);
    check_picture_size(info);
    const cv::Mat bgr = decode_bgr(bytes, info);
    // OpenCV turns TIFFs itself.
    return apply_orientation(to_rgb_tensor(bgr),
                             info.format == ImageFormat::kTiff ? 1 : info.orientation);
  } catch (const ImageFileError& error) {
    throw std::runtime_error("image: cannot read '" + path.string() + "': " + error.what());
  }
}

void write_png(const std::filesystem::path& path, const Tensor& image) {
  expect_dtype(image, at::kByte, "write_png: image");
  expect_shape(image, {-1, -1, 3}, "write_png: image");
  TORCH_CHECK(image.size(0) > 0 && image.size(1) > 0 && image.size(0) <= kMaxImageSide &&
                  image.size(1) <= kMaxImageSide,
              "write_png: image is ", image.sizes(), ", expected 1 to ", kMaxImageSide,
              " pixels a side");
  const Tensor rgb = image.cpu().contiguous();
  const cv::Mat source(static_cast<int>(rgb.size(0)), static_cast<int>(rgb.size(1)), CV_8UC3,
                       rgb.data_ptr());
  cv::Mat bgr;
  cv::cvtColor(source, bgr, cv::COLOR_RGB2BGR);
  std::vector<uint8_t> bytes;
  if (!cv::imencode(".png", bgr, bytes)) {
    throw std::runtime_error("image: cannot write '" + path.string() + "': PNG encoding failed");
  }
  write_file_atomically(
      path, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

}  // namespace nvlm::vision

#endif  // NVLM_IMAGE_FILES
