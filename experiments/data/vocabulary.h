// Words for synthetic texts: common English, names, and invented ones that cannot be guessed.
#pragma once

#include <string>
#include <vector>

#include "common/random.h"

namespace nvlm::experiments {

/// About 1,800 common English words, lower case.
const std::vector<std::string>& english_words();

/// Headings of table columns, capitalised.
const std::vector<std::string>& heading_words();

/// "Anna Keller", "J. Okafor", "Keller": from lists and, at times, an invented surname.
std::string random_name(Random& random);

/// A pronounceable invented word of min_length .. max_length letters, lower case.
std::string pseudo_word(Random& random, int64_t min_length, int64_t max_length);

/// "AB-1204", "x7Kq", "Q93/4": at least 1 and at most max_length characters.
std::string random_code(Random& random, int64_t max_length);

/// Any characters of kAlphabet, 1 .. max_length code points, UTF-8. No backslash at the end or
/// before a bar, so that the Markdown reads back unambiguously.
std::string random_characters(Random& random, int64_t max_length);

/// The word with its first letter, or all letters, in upper case (ASCII).
std::string capitalised(std::string word);
std::string upper_case(std::string word);

}  // namespace nvlm::experiments
