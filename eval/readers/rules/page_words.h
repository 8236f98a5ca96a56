// The words of a cleaned page.
#pragma once

#include <vector>

#include "eval/readers/rules/clean_page.h"
#include "eval/readers/tesseract_ocr.h"

namespace nvlm::eval {

/// Reads the page at the scale that the recogniser likes, at most 4 times its size and at most
/// about 16 million pixels. Boxes are tightened to the ink; words without ink are dropped; dashes,
/// which the recogniser often leaves out, are added by their shape.
std::vector<OcrWord> page_words(const CleanPage& page, TesseractOcr& ocr);

}  // namespace nvlm::eval
