// Words with boxes and confidences from Tesseract (https://github.com/tesseract-ocr/tesseract).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/tensor.h"
#include "eval/table/table.h"

namespace cv {
class Mat;
}

namespace nvlm::eval {

/// What a picture is taken for; Tesseract's page segmentation modes with their numbers.
enum class OcrPageMode {
  kAutomatic = 3,  // a page: finds columns and blocks
  kBlock = 6,      // one block of text lines
  kLine = 7,       // one text line
  kWord = 8,
  kCharacter = 10,
  kSparse = 11  // text anywhere, in no order
};

struct TesseractOptions {
  std::string language = "eng";  // Tesseract's codes, joined by '+': "eng+deu"
  std::string data_folder = {};  // holds <language>.traineddata; "": TESSDATA_PREFIX, else built-in
  OcrPageMode page_mode = OcrPageMode::kBlock;
  int dpi = 300;         // told to Tesseract, which otherwise guesses
  int max_seconds = 60;  // per picture, of recognition; pages take a few
};

struct OcrWord {
  std::string text;         // UTF-8, not blank
  PixelBox box;             // in the picture that was read
  double confidence = 0.0;  // 0 to 1
  // Counted from 0 through the picture.
  int64_t block = 0, paragraph = 0, line = 0;
};

/// A loaded Tesseract. Calls of one instance wait for each other; instances are independent. It
/// computes on the calling thread alone, whatever OMP_NUM_THREADS says: on table pictures
/// Tesseract's own threads cost more than they save.
class TesseractOcr {
 public:
  /// throws  std::runtime_error naming the language, the folder that was searched and the Debian
  ///         package if a language is missing
  explicit TesseractOcr(const TesseractOptions& options = {});
  ~TesseractOcr();
  TesseractOcr(TesseractOcr&&) noexcept;
  TesseractOcr& operator=(TesseractOcr&&) noexcept;

  /// All words in reading order.
  /// image   uint8 [height, width, 3]
  /// throws  c10::Error for another shape or dtype; std::runtime_error beyond Tesseract's limit of
  ///         32767 pixels per side, if it fails or takes longer than max_seconds
  std::vector<OcrWord> words(const Tensor& image);

  /// The same of an OpenCV picture, CV_8UC1 or CV_8UC3 in RGB order. An empty one has no words.
  std::vector<OcrWord> words(const cv::Mat& image);
  std::vector<OcrWord> words(const cv::Mat& image, OcrPageMode page_mode);

  /// "5.3.0".
  static std::string version();

 private:
  struct Engine;
  std::unique_ptr<Engine> engine_;
};

}  // namespace nvlm::eval
