// The independent reader behind --verify: Tesseract's words.
#pragma once

#include "eval/extraction/extract_page.h"
#include "eval/readers/tesseract_ocr.h"

namespace nvlm::eval {

/// Reads pictures as pages, enlarged so that small print is legible: of the ways tried, the one
/// that finds most of the true words of real tables (84%, against 80% as sparse text and 64% as one
/// block). Where that gives fewer words than half the pieces of text that stand there, sparse text
/// is tried, too.
/// throws  std::runtime_error if Tesseract or its language data is missing
WordReader tesseract_words(const TesseractOptions& options = {});

}  // namespace nvlm::eval
