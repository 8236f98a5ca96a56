// The normal form of a short answer, as the VQA challenge defines it.
#pragma once

#include <string>
#include <string_view>

namespace nvlm::eval {

enum class VqaArticles { kDrop, kKeep };

/// In this order: tabs and newlines become blanks, blanks at the ends go; each of
/// ; / [ ] " { } ( ) = + \ _ - > < @ ` , ? ! is removed if it stands beside a blank anywhere in the
/// text or the text has a comma between digits, and becomes a blank otherwise; a full stop that no
/// digit follows is removed; lower case, blanks collapsed; none and zero to ten become digits; a,
/// an, the are dropped; a contraction that lacks one apostrophe gets it back.
/// source: vqaEval.py of GT-Vision-Lab/VQA (processPunctuation, processDigitArticle)
std::string normalize_vqa_answer(std::string_view text, VqaArticles articles = VqaArticles::kDrop);

}  // namespace nvlm::eval
