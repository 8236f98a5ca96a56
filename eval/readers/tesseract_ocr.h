// Words of a picture, by Tesseract.
#pragma once

#include <cstdint>
#include <memory>
#include <opencv2/core.hpp>
#include <string>
#include <vector>

#include "common/tensor.h"
#include "eval/table/table.h"

namespace nvlm::eval {

struct OcrWord {
  std::string text;         // UTF-8, without blanks
  PixelBox box;             // in the picture given
  double confidence = 0.0;  // Tesseract's, 0 to 1
  int64_t line = 0;         // number of its text line, as Tesseract sees them
};

/// How Tesseract divides a picture.
enum class OcrLayout {
  kBlock,   // one block of text, line by line (its mode 6)
  kLine,    // one line (7)
  kSparse,  // words wherever they are, in no order (11)
  kAuto     // columns and paragraphs (3)
};

struct TesseractOptions {
  std::string language = "eng";
  OcrLayout layout = OcrLayout::kBlock;
  /// Folder with LANGUAGE.traineddata; empty: TESSDATA_PREFIX, or else where the library looks.
  std::string data_folder = {};
};

/// A recogniser; loading it takes some 50 ms. One thread at a time.
class TesseractOcr {
 public:
  /// throws  std::runtime_error naming language, folder and package if the language is missing
  explicit TesseractOcr(const TesseractOptions& options = {});
  ~TesseractOcr();
  TesseractOcr(TesseractOcr&&) noexcept;
  TesseractOcr& operator=(TesseractOcr&&) noexcept;

  /// The words of a picture in reading order. Pictures beyond 32,767 pixels a side are refused.
  /// image  uint8 [height, width, 3]
  std::vector<OcrWord> words(const Tensor& image);
  /// The same of an 8-bit grey picture, dark on light.
  /// resolution  dots per inch that letters of 8 to 12 points seem to have; 0: Tesseract guesses
  std::vector<OcrWord> words(const cv::Mat& gray, int64_t resolution = 0);
  /// Changes the layout for what follows.
  void set_layout(OcrLayout layout);

  /// Of the library: "5.3.0".
  static std::string version();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nvlm::eval
