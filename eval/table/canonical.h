// What two cell texts must share to count as equal: the rule that every table score applies first.
#pragma once

#include <string>
#include <string_view>

#include "eval/table/table.h"

namespace nvlm::eval {

/// Raised whenever the rule below changes, since scores of different versions do not compare.
///
/// Version 1, in this order:
///   1. bytes that are not UTF-8 become U+FFFD, one per byte
///   2. invisible code points are dropped: U+00AD soft hyphen, U+200B zero-width space, U+FEFF
///   3. every run of Unicode white space, line breaks included, becomes one blank
///   4. no blank at either end
/// Case, punctuation, digits and composition of accents stay as they are.
inline constexpr int kCanonicalTextVersion = 1;

/// One cell text by the rule above.
std::string canonical_cell_text(std::string_view text);

/// The table with canonical texts; whether a cell is a header is forgotten, since Markdown cannot
/// say it of any row but the first.
Table canonical_table(Table table);

}  // namespace nvlm::eval
