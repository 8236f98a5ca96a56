// Finds the tables on a page by its layout alone.
#pragma once

#include <vector>

#include "common/tensor.h"
#include "eval/extraction/page_layout.h"
#include "eval/table/table.h"

namespace nvlm::eval {

/// What a picture is: it decides what an answer without a table means.
enum class PageKind {
  kPicture,  // somebody's picture of a table, or of a page
  kDocument  // a page of a document, which may have none
};

/// Boxes of the tables in a picture, in pixels of the picture, with a margin around each, in
/// reading order (from top to bottom, from left to right where they stand side by side).
///
/// Rows with a wide gap between pieces of text are rows of a table; long pieces without one are
/// prose. Neighbouring rows form a table until a paragraph, a caption with space around it or a
/// large space separates them. Lines that touch hold their rows together. A table has at least two
/// rows and two columns. Pages set in two columns are read column by column.
///
/// One table without paragraphs around it is a picture of one table, and so is a picture in which
/// nothing can be told: the answer is then the whole picture, if it is no page of a document. In a
/// picture of prose nothing is found.
/// image  uint8 [height, width, 3]
std::vector<PixelBox> find_tables(const Tensor& image, PageKind kind = PageKind::kPicture);

/// What find_tables sees on a page that has been analysed.
struct TableRegions {
  bool is_whole = false;        // the picture as a whole is a table
  std::vector<PixelBox> boxes;  // else these are, in pixels of the analysed picture
};
TableRegions table_regions(const PageLayout& layout, PageKind kind);

/// The part of a picture within `box`, which is cut at its edges.
/// image    uint8 [height, width, 3]
/// returns  uint8 [box height, box width, 3]
/// throws   std::invalid_argument if the box and the picture have no pixel in common
Tensor crop_image(const Tensor& image, const PixelBox& box);

}  // namespace nvlm::eval
