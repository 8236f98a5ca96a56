#include "eval/extraction/tesseract_words.h"

#ifdef NVLM_IMAGE_FILES

#include <algorithm>
#include <cmath>
#include <memory>
#include <opencv2/imgproc.hpp>
#include <string>
#include <utility>
#include <vector>

#include "eval/extraction/page_layout.h"

namespace nvlm::eval {
namespace {

// Tesseract's models are trained on print of about 30 pixels; tables on screens have half of that.
constexpr double kEnlargement = 2.0;
constexpr double kMaxEnlargedPixels = 24e6;
constexpr double kMaxEnlargedSide = 32'000;  // below Tesseract's limit

/// The picture enlarged, or shrunk where it is beyond the limits.
cv::Mat legible_picture(const Tensor& image) {
  const Tensor rgb = image.contiguous();
  const cv::Mat source(static_cast<int>(rgb.size(0)), static_cast<int>(rgb.size(1)), CV_8UC3,
                       rgb.data_ptr());
  const double pixels = static_cast<double>(source.rows) * source.cols;
  const double scale = std::min({kEnlargement, std::sqrt(kMaxEnlargedPixels / pixels),
                                 kMaxEnlargedSide / std::max(source.rows, source.cols)});
  const cv::Size size(std::max(1, static_cast<int>(source.cols * scale)),
                      std::max(1, static_cast<int>(source.rows * scale)));
  cv::Mat picture;
  cv::resize(source, picture, size, 0, 0, scale > 1.0 ? cv::INTER_CUBIC : cv::INTER_AREA);
  return picture;
}

size_t num_text_pieces(const Tensor& image) {
  size_t pieces = 0;
  for (const std::vector<TextRow>& block : analyse_page(image).blocks) {
    for (const TextRow& row : block) pieces += row.pieces.size();
  }
  return pieces;
}

}  // namespace

WordReader tesseract_words(const TesseractOptions& options) {
  const auto ocr = std::make_shared<TesseractOcr>(options);
  return [ocr](const Tensor& image) {
    const cv::Mat picture = legible_picture(image);
    std::vector<OcrWord> found = ocr->words(picture, OcrPageMode::kAutomatic);
    if (2 * found.size() < num_text_pieces(image)) {  // it took the table for a drawing
      std::vector<OcrWord> sparse = ocr->words(picture, OcrPageMode::kSparse);
      if (sparse.size() > found.size()) found = std::move(sparse);
    }
    std::vector<std::string> words;
    for (OcrWord& word : found) words.push_back(std::move(word.text));
    return words;
  };
}

}  // namespace nvlm::eval

#endif  // NVLM_IMAGE_FILES
