#include "eval/extraction/pdf_document.h"

#ifdef NVLM_IMAGE_FILES

#include <poppler-document.h>
#include <poppler-global.h>
#include <poppler-image.h>
#include <poppler-page-renderer.h>
#include <poppler-page.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>
#include <utility>

#include "common/logging.h"
#include "vision/image.h"

namespace nvlm::eval {
namespace {

namespace fs = std::filesystem;

constexpr uintmax_t kMaxPdfBytes = uintmax_t{1} << 30;

void log_poppler_message(const std::string& message, void*) { log_debug("pdf: " + message); }

[[noreturn]] void throw_cannot_read_pdf(const fs::path& path, const std::string& why) {
  throw std::runtime_error("pdf: cannot read '" + path.string() + "': " + why);
}

void check_pdf_file(const fs::path& path) {
  std::error_code error;
  const uintmax_t size = fs::file_size(path, error);
  if (error) throw_cannot_read_pdf(path, error.message());
  if (size == 0) throw_cannot_read_pdf(path, "the file is empty");
  if (size > kMaxPdfBytes) {
    throw_cannot_read_pdf(path, "the file has " + std::to_string(size) + " bytes; at most " +
                                    std::to_string(kMaxPdfBytes) + " are accepted");
  }
  if (!is_pdf(path)) throw_cannot_read_pdf(path, "it does not begin as a PDF does");
}

}  // namespace

struct PdfDocument::Impl {
  fs::path path;
  std::unique_ptr<poppler::document> document;
};

bool is_pdf(const fs::path& path) {
  constexpr size_t kHeaderBytes = 1024;  // what readers accept before the signature
  std::ifstream file(path, std::ios::binary);
  std::string head(kHeaderBytes, '\0');
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<size_t>(file.gcount()));
  return head.find("%PDF-") != std::string::npos;
}

PdfDocument::PdfDocument(const fs::path& path) : impl_(std::make_unique<Impl>()) {
  check_pdf_file(path);
  poppler::set_debug_error_function(log_poppler_message, nullptr);
  impl_->path = path;
  impl_->document.reset(poppler::document::load_from_file(path.string()));
  if (!impl_->document) throw_cannot_read_pdf(path, "it is damaged");
  if (impl_->document->is_locked()) {
    throw_cannot_read_pdf(path, "it is encrypted and needs a password");
  }
  if (impl_->document->pages() < 1) throw_cannot_read_pdf(path, "it is damaged or has no pages");
}

PdfDocument::~PdfDocument() = default;
PdfDocument::PdfDocument(PdfDocument&&) noexcept = default;
PdfDocument& PdfDocument::operator=(PdfDocument&&) noexcept = default;

int64_t PdfDocument::num_pages() const { return impl_->document->pages(); }

Tensor PdfDocument::render(int64_t number, double dpi) const {
  const auto fail = [&](const std::string& why) {
    throw std::runtime_error("pdf: '" + impl_->path.string() + "', page " + std::to_string(number) +
                             ": " + why);
  };
  if (number < 1 || number > num_pages()) {
    fail("the document has " + std::to_string(num_pages()) + " pages");
  }
  const std::unique_ptr<poppler::page> page(
      impl_->document->create_page(static_cast<int>(number - 1)));
  if (!page) fail("the page is damaged");
  const poppler::rectf rect = page->page_rect();
  const double pixels = (rect.width() * dpi / 72.0) * (rect.height() * dpi / 72.0);
  if (!std::isfinite(pixels) || pixels < 1.0) fail("the page has no area");
  if (pixels > static_cast<double>(vision::kMaxImagePixels)) {
    fail("at " + std::to_string(static_cast<int64_t>(dpi)) + " dpi the page has " +
         std::to_string(static_cast<int64_t>(pixels)) + " pixels; at most " +
         std::to_string(vision::kMaxImagePixels) + " are accepted");
  }
  poppler::page_renderer renderer;
  renderer.set_render_hints(poppler::page_renderer::antialiasing |
                            poppler::page_renderer::text_antialiasing);
  renderer.set_image_format(poppler::image::format_rgb24);
  const poppler::image image = renderer.render_page(page.get(), dpi, dpi);
  if (!image.is_valid()) fail("the page cannot be rendered");
  Tensor rgb = at::empty({image.height(), image.width(), 3}, at::kByte);
  const auto row_bytes = static_cast<size_t>(3 * image.width());
  for (int row = 0; row < image.height(); ++row) {
    std::memcpy(static_cast<uint8_t*>(rgb.data_ptr()) + static_cast<size_t>(row) * row_bytes,
                image.const_data() + static_cast<std::ptrdiff_t>(row) * image.bytes_per_row(),
                row_bytes);
  }
  return rgb;
}

}  // namespace nvlm::eval

#endif  // NVLM_IMAGE_FILES
