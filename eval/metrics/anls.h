// ANLS, the score of DocVQA and InfographicsVQA: edit distance to the nearest accepted answer.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace nvlm::eval {

/// What the edit distance is divided by.
enum class AnlsLength {
  kNormalized,  // the longer text after lower-casing and collapsing blanks
  kRaw          // the longer text as it was, as the official DocVQA script does
};

/// Below this similarity an answer is wrong: 0.
inline constexpr double kAnlsThreshold = 0.5;

/// Distance of two answers in [0, 1]. Both are lower-cased and trimmed, inner white space is
/// collapsed; 0 if both are empty then.
double anls_distance(std::string_view prediction, std::string_view answer,
                     AnlsLength length = AnlsLength::kNormalized);

/// ANLS of one question: 1 - the smallest distance over `answers`, 0 if that is below 0.5.
/// The score of a data set is the mean over its questions.
/// throws  std::invalid_argument if there is no answer
/// source: Biten et al. 2019 (arXiv 1905.13648)
double anls(std::string_view prediction, std::span<const std::string> answers,
            AnlsLength length = AnlsLength::kNormalized);

}  // namespace nvlm::eval
