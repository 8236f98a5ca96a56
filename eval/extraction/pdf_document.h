// PDF documents as pictures, one page at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "common/tensor.h"

namespace nvlm::eval {

/// Whether the file begins as a PDF does ("%PDF-" within its first kilobyte). False for a file that
/// cannot be read.
bool is_pdf(const std::filesystem::path& path);

/// An open PDF. No page is kept: memory is one page's, however many there are. What the PDF library
/// complains about goes to the log at level debug.
class PdfDocument {
 public:
  /// throws  std::runtime_error naming the file: it cannot be read, is no PDF, is damaged, has no
  ///         pages, or needs a password
  explicit PdfDocument(const std::filesystem::path& path);
  ~PdfDocument();
  PdfDocument(PdfDocument&&) noexcept;
  PdfDocument& operator=(PdfDocument&&) noexcept;

  int64_t num_pages() const;

  /// A page on white paper.
  /// page     from 1
  /// dpi      pixels per inch
  /// returns  uint8 [height, width, 3]
  /// throws   std::runtime_error naming the file and page: it cannot be rendered or would have more
  ///          than vision::kMaxImagePixels
  Tensor render(int64_t page, double dpi) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nvlm::eval
