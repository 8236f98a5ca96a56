// A picture or a PDF: its pages one after the other, each with its tables.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "common/tensor.h"
#include "eval/extraction/document_output.h"
#include "eval/extraction/extract_page.h"
#include "eval/extraction/page_ranges.h"
#include "eval/extraction/pdf_document.h"

namespace nvlm::eval {

/// The pages of a file, opened but not read: a PDF's selected ones, or the one of a picture.
class DocumentPages {
 public:
  /// ranges  of a PDF; a picture has page 1 whatever they are
  /// dpi     of a PDF's pages
  /// throws  std::runtime_error naming the file and what is wrong with it
  DocumentPages(const std::filesystem::path& path, const std::vector<PageRange>& ranges,
                double dpi);

  const std::vector<int64_t>& numbers() const { return numbers_; }
  bool is_paged() const { return pdf_.has_value(); }
  /// uint8 [height, width, 3]. throws std::runtime_error naming file and page
  Tensor read(int64_t number) const;

 private:
  std::filesystem::path path_;
  double dpi_;
  std::optional<PdfDocument> pdf_;
  std::vector<int64_t> numbers_;
};

/// Called after each page. image: uint8 [height, width, 3]; undefined if the page could not be read
using PageCallback = std::function<void(const Tensor& image, const ExtractedPage& page)>;

/// All selected pages. One that cannot be read, if it is not the only one, counts as a table with
/// an error. `options.kind` is set by what the document is.
/// throws  std::runtime_error if the only page cannot be read, or no page has a table
std::vector<ExtractedPage> extract_document(const DocumentPages& document,
                                            const PageReaders& readers, ExtractOptions options,
                                            const PageCallback& on_page);

}  // namespace nvlm::eval
