// Character and word error rates, and the normalised edit distance.
#pragma once

#include <cstdint>
#include <string_view>

namespace nvlm::eval {

/// Edits between two texts and their lengths, in characters or in words.
struct ErrorCounts {
  int64_t distance = 0;
  int64_t reference_length = 0;
  int64_t hypothesis_length = 0;

  /// distance / reference_length, which may exceed 1. An empty reference: 0 if the hypothesis is
  /// empty too, else 1.
  double rate() const;
  /// distance / longer length, in [0, 1]; 0 if both are empty.
  double normalized() const;
};

/// Counts over code points. Invalid UTF-8 counts as U+FFFD, one per byte.
ErrorCounts character_errors(std::string_view reference, std::string_view hypothesis);
/// Counts over words separated by Unicode white space.
ErrorCounts word_errors(std::string_view reference, std::string_view hypothesis);

/// Character errors of texts that may be huge.
struct BoundedErrors {
  ErrorCounts counts;
  bool exact = true;  // false: the distance is an upper bound
};

/// character_errors where that takes up to a few seconds (two texts of 250,000 characters).
/// Otherwise an upper bound: the k-th line is compared with the k-th line, surplus lines count
/// whole, and so do lines that differ where the time is up.
BoundedErrors bounded_character_errors(std::string_view reference, std::string_view hypothesis);

/// CER: character_errors(...).rate().
double character_error_rate(std::string_view reference, std::string_view hypothesis);
/// WER: word_errors(...).rate().
double word_error_rate(std::string_view reference, std::string_view hypothesis);
/// character_errors(...).normalized(); symmetric.
double normalized_edit_distance(std::string_view a, std::string_view b);

}  // namespace nvlm::eval
