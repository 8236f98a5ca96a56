#include "eval/metrics/error_rate.h"

#include <algorithm>

#include "eval/metrics/edit_distance.h"
#include "eval/text/code_points.h"

namespace nvlm::eval {
namespace {

/// Bounds a comparison: steps of 64 x 1 characters, about three nanoseconds each.
constexpr double kMaxCharacterSteps = 1e9;

double num_steps(std::u32string_view a, std::u32string_view b) {
  const auto blocks = static_cast<double>((std::min(a.size(), b.size()) + 63) / 64);
  return blocks * static_cast<double>(std::max(a.size(), b.size()));
}

/// Takes the first line, its end included, off `text`.
std::u32string_view take_line(std::u32string_view& text) {
  const size_t end = std::min(text.find(U'\n'), text.size() - 1) + 1;
  const std::u32string_view line = text.substr(0, end);
  text.remove_prefix(end);
  return line;
}

/// Upper bound of the edit distance, line by line.
int64_t distance_by_lines(std::u32string_view a, std::u32string_view b) {
  int64_t distance = 0;
  double steps_left = kMaxCharacterSteps;
  while (!a.empty() && !b.empty()) {
    const std::u32string_view line_a = take_line(a);
    const std::u32string_view line_b = take_line(b);
    if (line_a == line_b) continue;
    const double steps = num_steps(line_a, line_b);
    if (steps > steps_left) {
      distance += static_cast<int64_t>(std::max(line_a.size(), line_b.size()));
      continue;
    }
    steps_left -= steps;
    distance += edit_distance(line_a, line_b);
  }
  return distance + static_cast<int64_t>(a.size() + b.size());
}

}  // namespace

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

BoundedErrors bounded_character_errors(std::string_view reference, std::string_view hypothesis) {
  const std::u32string a = decode_utf8(reference);
  const std::u32string b = decode_utf8(hypothesis);
  const bool exact = num_steps(a, b) <= kMaxCharacterSteps;
  const int64_t distance = exact ? edit_distance(a, b) : distance_by_lines(a, b);
  return {{distance, static_cast<int64_t>(a.size()), static_cast<int64_t>(b.size())}, exact};
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
