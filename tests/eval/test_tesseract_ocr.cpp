#include "eval/readers/tesseract_ocr.h"

#ifdef NVLM_IMAGE_FILES

#include <doctest/doctest.h>

#include <opencv2/imgproc.hpp>
#include <stdexcept>

namespace nvlm::eval {
namespace {

/// Black words on white, [200, 700].
cv::Mat two_lines_of_words() {
  cv::Mat picture(200, 700, CV_8UC1, cv::Scalar(255));
  cv::putText(picture, "Harvest 1948", {40, 70}, cv::FONT_HERSHEY_SIMPLEX, 1.5, cv::Scalar(0), 2,
              cv::LINE_AA);
  cv::putText(picture, "Copper", {40, 160}, cv::FONT_HERSHEY_SIMPLEX, 1.5, cv::Scalar(0), 2,
              cv::LINE_AA);
  return picture;
}

}  // namespace

TEST_CASE("tesseract: words with boxes, lines and confidences") {
  TesseractOcr ocr;
  const std::vector<OcrWord> words = ocr.words(two_lines_of_words());
  REQUIRE(words.size() == 3);
  CHECK(words[0].text == "Harvest");
  CHECK(words[1].text == "1948");
  CHECK(words[2].text == "Copper");
  CHECK(words[0].line == 0);
  CHECK(words[1].line == 0);
  CHECK(words[2].line == 1);
  CHECK(words[0].box.left >= 35);
  CHECK(words[0].box.right < words[1].box.left);
  CHECK(words[2].box.top > words[0].box.bottom);
  CHECK(words[2].box.bottom < 200);
  for (const OcrWord& word : words) {
    CHECK(word.confidence > 0.5);
    CHECK(word.confidence <= 1.0);
  }
}

TEST_CASE("tesseract: a tensor reads like the picture that it holds") {
  cv::Mat rgb;
  cv::cvtColor(two_lines_of_words(), rgb, cv::COLOR_GRAY2RGB);
  const Tensor image = at::from_blob(rgb.data, {rgb.rows, rgb.cols, 3}, at::kByte);
  TesseractOcr ocr;
  const std::vector<OcrWord> words = ocr.words(image);
  REQUIRE(words.size() == 3);
  CHECK(words[1].text == "1948");
  CHECK(ocr.words(rgb, OcrPageMode::kSparse).size() == 3);
  CHECK_THROWS_AS(ocr.words(image.to(at::kFloat)), c10::Error);
  CHECK_THROWS_AS(ocr.words(image.select(2, 0)), c10::Error);
}

TEST_CASE("tesseract: nothing to read, and too large to read") {
  TesseractOcr ocr;
  CHECK(ocr.words(cv::Mat()).empty());
  CHECK(ocr.words(cv::Mat(1, 1, CV_8UC1, cv::Scalar(255))).empty());
  CHECK(ocr.words(cv::Mat(300, 300, CV_8UC1, cv::Scalar(255))).empty());
  CHECK_THROWS_WITH_AS(ocr.words(cv::Mat(1, 32768, CV_8UC1, cv::Scalar(255))),
                       doctest::Contains("32768 x 1"), std::runtime_error);
}

TEST_CASE("tesseract: a missing language names file, folder and package") {
  CHECK_THROWS_WITH_AS(TesseractOcr({.language = "eng+zz_no"}),
                       doctest::Contains("tesseract-ocr-zz-no"), std::runtime_error);
  CHECK_THROWS_WITH_AS(TesseractOcr({.language = "eng", .data_folder = "/no/such/folder"}),
                       doctest::Contains("'eng.traineddata' in '/no/such/folder"),
                       std::runtime_error);
  CHECK_THROWS_AS(TesseractOcr({.language = ""}), std::runtime_error);
}

}  // namespace nvlm::eval

#endif  // NVLM_IMAGE_FILES
