#include "eval/metrics/anls.h"

#include <algorithm>
#include <stdexcept>

#include "eval/metrics/edit_distance.h"
#include "eval/text/code_points.h"

namespace nvlm::eval {

double anls_distance(std::string_view prediction, std::string_view answer, AnlsLength length) {
  const std::u32string a = collapse_spaces(decode_utf8(lower_case(prediction)));
  const std::u32string b = collapse_spaces(decode_utf8(lower_case(answer)));
  const size_t longer = length == AnlsLength::kNormalized
                            ? std::max(a.size(), b.size())
                            : std::max(decode_utf8(prediction).size(), decode_utf8(answer).size());
  return longer == 0 ? 0.0 : static_cast<double>(edit_distance(a, b)) / static_cast<double>(longer);
}

double anls(std::string_view prediction, std::span<const std::string> answers, AnlsLength length) {
  if (answers.empty()) throw std::invalid_argument("anls: a question without accepted answers");
  double smallest = 1.0;
  for (const std::string& answer : answers) {
    smallest = std::min(smallest, anls_distance(prediction, answer, length));
  }
  const double similarity = 1.0 - smallest;
  return similarity < kAnlsThreshold ? 0.0 : similarity;
}

}  // namespace nvlm::eval
