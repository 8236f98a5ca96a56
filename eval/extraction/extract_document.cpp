#include "eval/extraction/extract_document.h"

#ifdef NVLM_IMAGE_FILES

#include <c10/util/Exception.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "vision/image.h"

namespace nvlm::eval {

DocumentPages::DocumentPages(const std::filesystem::path& path,
                             const std::vector<PageRange>& ranges, double dpi)
    : path_(path), dpi_(dpi) {
  const bool named_pdf = path.extension() == ".pdf" || path.extension() == ".PDF";
  if (!named_pdf && !is_pdf(path)) {
    numbers_ = {1};
    return;
  }
  pdf_.emplace(path);
  numbers_ = select_pages(ranges, pdf_->num_pages());
}

Tensor DocumentPages::read(int64_t number) const {
  return pdf_ ? pdf_->render(number, dpi_) : vision::read_image(path_);
}

std::vector<ExtractedPage> extract_document(const DocumentPages& document,
                                            const PageReaders& readers, ExtractOptions options,
                                            const PageCallback& on_page) {
  options.kind = document.is_paged() ? PageKind::kDocument : PageKind::kPicture;
  std::vector<ExtractedPage> pages;
  bool has_table = false;
  for (const int64_t number : document.numbers()) {
    ExtractedPage& page = pages.emplace_back();
    page.number = number;
    Tensor image;
    try {
      image = document.read(number);
      page.tables = extract_page(image, readers, options);
    } catch (const c10::Error& error) {
      page.tables = {unread_table({}, error.what_without_backtrace())};
    } catch (const std::exception& error) {
      if (document.numbers().size() == 1) throw;
      page.tables = {unread_table({}, error.what())};
    }
    has_table = has_table || !page.tables.empty();
    if (on_page) on_page(image, page);
  }
  if (!has_table) {
    throw std::runtime_error(document.is_paged() ? "no table was found on its pages"
                                                 : "no table was found in the picture");
  }
  return pages;
}

}  // namespace nvlm::eval

#endif  // NVLM_IMAGE_FILES
