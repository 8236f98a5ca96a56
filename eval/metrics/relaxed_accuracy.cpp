#include "eval/metrics/relaxed_accuracy.h"

#include <charconv>
#include <cmath>
#include <optional>
#include <string>

#include "eval/text/code_points.h"

namespace nvlm::eval {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\n\v\f\r";
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::optional<double> as_number(std::string_view text) {
  double scale = 1.0;
  while (text.ends_with('%')) {
    text.remove_suffix(1);
    scale = 0.01;
  }
  text = trimmed(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value * scale;
}

}  // namespace

bool relaxed_match(std::string_view prediction, std::string_view answer) {
  prediction = trimmed(prediction);
  answer = trimmed(answer);
  const std::optional<double> given = as_number(prediction);
  const std::optional<double> expected = as_number(answer);
  if (given && expected && *expected != 0.0) {
    return std::abs(*given - *expected) / std::abs(*expected) <= kRelaxedTolerance;
  }
  return lower_case(prediction) == lower_case(answer);
}

}  // namespace nvlm::eval
