// Encoding, reading and complaining about picture files in tests.
#pragma once

#include <cstdint>
#include <fstream>
#include <opencv2/imgcodecs.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/temp_dir.h"
#include "tests/vision/support.h"
#include "vision/image.h"

namespace nvlm::test {

inline std::string encode(const cv::Mat& picture, const std::string& extension,
                          const std::vector<int>& options = {}) {
  std::vector<uint8_t> bytes;
  REQUIRE(cv::imencode(extension, picture, bytes, options));
  return {bytes.begin(), bytes.end()};
}

/// A smooth coloured picture, blue first as OpenCV wants it.
inline cv::Mat gradient(int height, int width) {
  cv::Mat picture(height, width, CV_8UC3);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      picture.at<cv::Vec3b>(y, x) = {static_cast<uint8_t>(10 + 4 * x),
                                     static_cast<uint8_t>(250 - 3 * y),
                                     static_cast<uint8_t>(2 * x + 3 * y)};
    }
  }
  return picture;
}

inline Tensor as_rgb(const cv::Mat& bgr) {
  return at::from_blob(bgr.data, {bgr.rows, bgr.cols, 3}, at::kByte).flip({2}).clone();
}

inline Tensor read_bytes(const std::string& bytes) {
  const TempDir folder;
  std::ofstream(folder / "picture", std::ios::binary) << bytes;
  return vision::read_image(folder / "picture");
}

/// What read_image says about these bytes; "" if it reads them.
inline std::string complaint(const std::string& bytes) {
  try {
    read_bytes(bytes);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

inline void check_complaint(const std::string& bytes, const std::string& expected) {
  const std::string message = complaint(bytes);
  CAPTURE(message);
  CAPTURE(expected);
  CHECK(message.find("image: cannot read '") == 0);
  CHECK(message.find(expected) != std::string::npos);
}

}  // namespace nvlm::test
