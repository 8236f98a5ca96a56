// How well a language model predicts a text: negative log-likelihood, perplexity, bits per byte.
#pragma once

#include <cstdint>
#include <span>

namespace nvlm::eval {

struct TextLikelihood {
  double negative_log_likelihood = 0.0;  // in nats, of all tokens
  int64_t tokens = 0;
  int64_t bytes = 0;  // of the text that the tokens spell

  /// Nats per token.
  double mean() const;
  /// exp(mean()): how many equally likely tokens the model hesitates between. Comparable only for
  /// equal tokenizers.
  double perplexity() const;
  /// Bits that the model needs for a byte; comparable between tokenizers.
  double bits_per_byte() const;
};

/// log_probabilities  of each token that was predicted, natural logarithm, each at most 0;
///                    -infinity (an impossible token) gives an infinite perplexity
/// bytes              UTF-8 bytes of the text that these tokens spell
/// throws  std::invalid_argument if there is no token, no byte, or a value is NaN or above 0
TextLikelihood text_likelihood(std::span<const double> log_probabilities, int64_t bytes);

}  // namespace nvlm::eval
