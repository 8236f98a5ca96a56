#include "eval/metrics/text_likelihood.h"

#include <cmath>
#include <numbers>
#include <stdexcept>
#include <string>

namespace nvlm::eval {

double TextLikelihood::mean() const {
  return negative_log_likelihood / static_cast<double>(tokens);
}

double TextLikelihood::perplexity() const { return std::exp(mean()); }

double TextLikelihood::bits_per_byte() const {
  return negative_log_likelihood / std::numbers::ln2 / static_cast<double>(bytes);
}

TextLikelihood text_likelihood(std::span<const double> log_probabilities, int64_t bytes) {
  if (log_probabilities.empty() || bytes < 1) {
    throw std::invalid_argument("text_likelihood: " + std::to_string(log_probabilities.size()) +
                                " tokens of " + std::to_string(bytes) +
                                " bytes, expected at least one of each");
  }
  TextLikelihood result;
  result.tokens = static_cast<int64_t>(log_probabilities.size());
  result.bytes = bytes;
  for (const double value : log_probabilities) {
    if (!(value <= 0.0)) {
      throw std::invalid_argument("text_likelihood: a log-probability is " + std::to_string(value) +
                                  ", expected 0 or less");
    }
    result.negative_log_likelihood -= value;
  }
  return result;
}

}  // namespace nvlm::eval
