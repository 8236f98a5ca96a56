#include "eval/readers/tesseract_ocr.h"

#ifdef NVLM_IMAGE_FILES

#include <dlfcn.h>
#include <tesseract/baseapi.h>
#include <tesseract/resultiterator.h>

#include <algorithm>
#include <cstdlib>
#include <opencv2/imgproc.hpp>
#include <stdexcept>

#include "common/check.h"

namespace nvlm::eval {
namespace {

constexpr int kLargestOcrSide = 32767;  // Tesseract's own limit

tesseract::PageSegMode page_mode(OcrLayout layout) {
  switch (layout) {
    case OcrLayout::kBlock:
      return tesseract::PSM_SINGLE_BLOCK;
    case OcrLayout::kLine:
      return tesseract::PSM_SINGLE_LINE;
    case OcrLayout::kSparse:
      return tesseract::PSM_SPARSE_TEXT;
    case OcrLayout::kAuto:
      return tesseract::PSM_AUTO;
  }
  throw std::logic_error("tesseract: no such layout");
}

std::string searched_folder(const TesseractOptions& options) {
  if (!options.data_folder.empty()) return "'" + options.data_folder + "'";
  const char* prefix = std::getenv("TESSDATA_PREFIX");
  return prefix != nullptr ? "TESSDATA_PREFIX='" + std::string(prefix) + "'"
                           : std::string("the library's own folder");
}

/// Keeps OpenMP from starting threads as long as it lives. Tesseract always asks for four, which
/// its small network cannot feed: they wait for each other busily, five times slower on two
/// processors.
class WithoutThreads {
 public:
  WithoutThreads() {
    if (get_levels() == nullptr || set_levels() == nullptr) return;
    levels_ = get_levels()();
    set_levels()(0);
  }
  ~WithoutThreads() {
    if (levels_ >= 0) set_levels()(levels_);
  }
  WithoutThreads(const WithoutThreads&) = delete;
  WithoutThreads& operator=(const WithoutThreads&) = delete;

 private:
  using GetLevels = int (*)();
  using SetLevels = void (*)(int);
  // Looked up, so that nothing here depends on which OpenMP library is there, or on any.
  static GetLevels get_levels() {
    static const auto function =
        reinterpret_cast<GetLevels>(dlsym(RTLD_DEFAULT, "omp_get_max_active_levels"));
    return function;
  }
  static SetLevels set_levels() {
    static const auto function =
        reinterpret_cast<SetLevels>(dlsym(RTLD_DEFAULT, "omp_set_max_active_levels"));
    return function;
  }

  int levels_ = -1;  // nothing to restore
};

}  // namespace

struct TesseractOcr::Impl {
  tesseract::TessBaseAPI api;
};

TesseractOcr::TesseractOcr(const TesseractOptions& options) : impl_(std::make_unique<Impl>()) {
  const char* folder = options.data_folder.empty() ? nullptr : options.data_folder.c_str();
  impl_->api.SetVariable("debug_file", "/dev/null");
  if (impl_->api.Init(folder, options.language.c_str(), tesseract::OEM_LSTM_ONLY) != 0) {
    throw std::runtime_error("tesseract: no data of the language '" + options.language + "' in " +
                             searched_folder(options) + ", expected " + options.language +
                             ".traineddata (Debian package tesseract-ocr-" + options.language +
                             ")");
  }
  impl_->api.SetVariable("debug_file", "/dev/null");
  set_layout(options.layout);
}

TesseractOcr::~TesseractOcr() = default;
TesseractOcr::TesseractOcr(TesseractOcr&&) noexcept = default;
TesseractOcr& TesseractOcr::operator=(TesseractOcr&&) noexcept = default;

void TesseractOcr::set_layout(OcrLayout layout) { impl_->api.SetPageSegMode(page_mode(layout)); }

std::vector<OcrWord> TesseractOcr::words(const Tensor& image) {
  expect_dtype(image, at::kByte, "tesseract: image");
  expect_shape(image, {-1, -1, 3}, "tesseract: image");
  const Tensor rgb = image.cpu().contiguous();
  const cv::Mat source(static_cast<int>(rgb.size(0)), static_cast<int>(rgb.size(1)), CV_8UC3,
                       rgb.data_ptr());
  cv::Mat gray;
  cv::cvtColor(source, gray, cv::COLOR_RGB2GRAY);
  return words(gray);
}

std::vector<OcrWord> TesseractOcr::words(const cv::Mat& gray, int64_t resolution) {
  std::vector<OcrWord> words;
  if (gray.empty()) return words;
  if (gray.cols > kLargestOcrSide || gray.rows > kLargestOcrSide) {
    throw std::runtime_error("tesseract: a picture of " + std::to_string(gray.cols) + " x " +
                             std::to_string(gray.rows) + " pixels, expected at most " +
                             std::to_string(kLargestOcrSide) + " a side");
  }
  const WithoutThreads without_threads;
  tesseract::TessBaseAPI& api = impl_->api;
  api.SetImage(gray.data, gray.cols, gray.rows, 1, static_cast<int>(gray.step));
  if (resolution > 0) api.SetSourceResolution(static_cast<int>(resolution));
  if (api.Recognize(nullptr) != 0) throw std::runtime_error("tesseract: recognition failed");
  const std::unique_ptr<tesseract::ResultIterator> at(api.GetIterator());
  int64_t line = -1;
  if (at == nullptr) return words;
  do {
    if (at->IsAtBeginningOf(tesseract::RIL_TEXTLINE)) ++line;
    const std::unique_ptr<char[]> text(at->GetUTF8Text(tesseract::RIL_WORD));
    int left = 0, top = 0, right = 0, bottom = 0;
    if (text == nullptr || !at->BoundingBox(tesseract::RIL_WORD, &left, &top, &right, &bottom)) {
      continue;
    }
    words.push_back({text.get(),
                     {left, top, right, bottom},
                     std::clamp(at->Confidence(tesseract::RIL_WORD) / 100.0, 0.0, 1.0),
                     line});
  } while (at->Next(tesseract::RIL_WORD));
  api.Clear();
  return words;
}

std::string TesseractOcr::version() { return tesseract::TessBaseAPI::Version(); }

}  // namespace nvlm::eval

#endif  // NVLM_IMAGE_FILES
