#include "eval/metrics/error_rate.h"

#include <algorithm>

#include "eval/metrics/edit_distance.h"
#include "eval/text/code_points.h"

namespace nvlm::eval {

double ErrorCounts::rate() const {
  if (reference_length == 0) return hypothesis_length == 0 ? 0.0 : 1.0;
  return static_cast<double>(distance) / static_cast<double>(reference_length);
}

double ErrorCounts::normalized() const {
  const int64_t longer = std::max(reference_length, hypothesis_length);
  return longer == 0 ? 0.0 : static_cast<double>(distance) / static_cast<double>(longer);
}

ErrorCounts character_errors(std::string_view reference, std::string_view hypothesis) {
  const std::u32string a = decode_utf8(reference);
  const std::u32string b = decode_utf8(hypothesis);
  return {edit_distance(a, b), static_cast<int64_t>(a.size()), static_cast<int64_t>(b.size())};
}

ErrorCounts word_errors(std::string_view reference, std::string_view hypothesis) {
  const std::vector<std::u32string> a = split_words(decode_utf8(reference));
  const std::vector<std::u32string> b = split_words(decode_utf8(hypothesis));
  return {edit_distance(a, b), static_cast<int64_t>(a.size()), static_cast<int64_t>(b.size())};
}

double character_error_rate(std::string_view reference, std::string_view hypothesis) {
  return character_errors(reference, hypothesis).rate();
}

double word_error_rate(std::string_view reference, std::string_view hypothesis) {
  return word_errors(reference, hypothesis).rate();
}

double normalized_edit_distance(std::string_view a, std::string_view b) {
  return character_errors(a, b).normalized();
}

}  // namespace nvlm::eval
