#include "eval/readers/tesseract_ocr.h"

#ifdef NVLM_IMAGE_FILES

#include <omp.h>
#include <tesseract/baseapi.h>
#include <tesseract/ocrclass.h>
#include <tesseract/resultiterator.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <opencv2/core.hpp>
#include <sstream>
#include <stdexcept>

#include "common/check.h"

namespace nvlm::eval {
namespace {

constexpr int kMaxOcrSide = 32767;  // coordinates in Tesseract are int16_t

/// While it lives, OpenMP regions entered by this thread run on this thread alone. Tesseract asks
/// for four threads in so many words, which OMP_NUM_THREADS does not change.
class SerialOpenMp {
 public:
  SerialOpenMp() : levels_(omp_get_max_active_levels()) { omp_set_max_active_levels(0); }
  ~SerialOpenMp() { omp_set_max_active_levels(levels_); }
  SerialOpenMp(const SerialOpenMp&) = delete;
  SerialOpenMp& operator=(const SerialOpenMp&) = delete;

 private:
  int levels_;
};

/// Throws unless each of the languages asked for is loaded; Tesseract itself is content with one.
void require_languages(const tesseract::TessBaseAPI& api, const std::string& languages,
                       bool is_loaded) {
  if (languages.empty()) {
    throw std::runtime_error("tesseract: the language is '', expected 'eng' or 'eng+deu'");
  }
  std::vector<std::string> loaded;
  if (is_loaded) api.GetLoadedLanguagesAsVector(&loaded);
  std::istringstream list(languages);
  for (std::string language; std::getline(list, language, '+');) {
    if (std::find(loaded.begin(), loaded.end(), language) != loaded.end()) continue;
    std::string package = "tesseract-ocr-" + language;
    std::replace(package.begin(), package.end(), '_', '-');
    const char* folder = const_cast<tesseract::TessBaseAPI&>(api).GetDatapath();
    throw std::runtime_error("tesseract: no usable '" + language + ".traineddata' in '" +
                             (folder == nullptr ? "" : folder) + "'; install the Debian package " +
                             package +
                             ", or point TESSDATA_PREFIX at the folder that holds the file");
  }
}

PixelBox word_box(const tesseract::ResultIterator& word) {
  int left = 0, top = 0, right = 0, bottom = 0;
  word.BoundingBox(tesseract::RIL_WORD, &left, &top, &right, &bottom);
  return {left, top, right, bottom};
}

std::vector<OcrWord> collect_words(tesseract::ResultIterator* word) {
  std::vector<OcrWord> words;
  if (word == nullptr) return words;
  int64_t block = -1, paragraph = -1, line = -1;
  do {
    block += word->IsAtBeginningOf(tesseract::RIL_BLOCK) ? 1 : 0;
    paragraph += word->IsAtBeginningOf(tesseract::RIL_PARA) ? 1 : 0;
    line += word->IsAtBeginningOf(tesseract::RIL_TEXTLINE) ? 1 : 0;
    const std::unique_ptr<char[]> text(word->GetUTF8Text(tesseract::RIL_WORD));
    if (text == nullptr || text[std::strspn(text.get(), " \t\n")] == '\0') continue;
    const double percent = word->Confidence(tesseract::RIL_WORD);
    words.push_back({text.get(), word_box(*word), std::clamp(percent / 100.0, 0.0, 1.0),
                     std::max<int64_t>(block, 0), std::max<int64_t>(paragraph, 0),
                     std::max<int64_t>(line, 0)});
  } while (word->Next(tesseract::RIL_WORD));
  return words;
}

}  // namespace

struct TesseractOcr::Engine {
  explicit Engine(const TesseractOptions& options)
      : page_mode(options.page_mode), dpi(options.dpi), max_seconds(options.max_seconds) {
    const std::vector<std::string> names = {"debug_file"}, values = {"/dev/null"};
    api.SetVariable("debug_file", "/dev/null");  // what matters is in our exceptions
    const char* folder = options.data_folder.empty() ? nullptr : options.data_folder.c_str();
    const SerialOpenMp serial;
    const int status = api.Init(folder, options.language.c_str(), tesseract::OEM_LSTM_ONLY, nullptr,
                                0, &names, &values, /*set_only_non_debug_params=*/false);
    require_languages(api, options.language, status == 0);
  }

  tesseract::TessBaseAPI api;
  std::mutex mutex;
  OcrPageMode page_mode;
  int dpi;
  int max_seconds;
};

TesseractOcr::TesseractOcr(const TesseractOptions& options)
    : engine_(std::make_unique<Engine>(options)) {}
TesseractOcr::~TesseractOcr() = default;
TesseractOcr::TesseractOcr(TesseractOcr&&) noexcept = default;
TesseractOcr& TesseractOcr::operator=(TesseractOcr&&) noexcept = default;

std::vector<OcrWord> TesseractOcr::words(const Tensor& image) {
  expect_shape(image, {-1, -1, 3}, "tesseract: image");
  expect_dtype(image, at::kByte, "tesseract: image");
  const Tensor pixels = image.contiguous();
  return words(cv::Mat(static_cast<int>(pixels.size(0)), static_cast<int>(pixels.size(1)), CV_8UC3,
                       pixels.data_ptr<uint8_t>()));
}

std::vector<OcrWord> TesseractOcr::words(const cv::Mat& image) {
  return words(image, engine_->page_mode);
}

std::vector<OcrWord> TesseractOcr::words(const cv::Mat& image, OcrPageMode page_mode) {
  if (image.empty()) return {};
  if (image.cols > kMaxOcrSide || image.rows > kMaxOcrSide) {
    throw std::runtime_error("tesseract: the picture is " + std::to_string(image.cols) + " x " +
                             std::to_string(image.rows) + " pixels, expected at most " +
                             std::to_string(kMaxOcrSide) + " per side");
  }
  TORCH_CHECK(image.type() == CV_8UC1 || image.type() == CV_8UC3, "tesseract: the picture is ",
              cv::typeToString(image.type()), ", expected CV_8UC1 or CV_8UC3");
  const std::lock_guard lock(engine_->mutex);
  const SerialOpenMp serial;
  tesseract::TessBaseAPI& api = engine_->api;
  api.SetPageSegMode(static_cast<tesseract::PageSegMode>(page_mode));
  api.SetImage(image.data, image.cols, image.rows, image.channels(),
               static_cast<int>(image.step[0]));
  api.SetSourceResolution(engine_->dpi);
  tesseract::ETEXT_DESC monitor;
  monitor.set_deadline_msecs(1000 * engine_->max_seconds);
  if (api.Recognize(&monitor) != 0) {
    throw std::runtime_error("tesseract: recognition failed, or took more than " +
                             std::to_string(engine_->max_seconds) + " s");
  }
  const std::unique_ptr<tesseract::ResultIterator> iterator(api.GetIterator());
  std::vector<OcrWord> words = collect_words(iterator.get());
  api.Clear();  // frees its copy of the picture
  return words;
}

std::string TesseractOcr::version() { return tesseract::TessBaseAPI::Version(); }

}  // namespace nvlm::eval

#endif  // NVLM_IMAGE_FILES
