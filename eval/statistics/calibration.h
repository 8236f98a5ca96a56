// Whether a confidence means something: does it order right before wrong, and is it a probability?
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace nvlm::eval {

/// One answer with the confidence that it was given.
struct Judged {
  double confidence = 0.0;
  bool correct = false;
};

/// Area under the ROC curve of confidence against correctness: the chance that a correct answer has
/// a higher confidence than a wrong one, ties counting one half (Mann-Whitney). In [0, 1]; 0.5 for
/// a confidence that says nothing.
/// throws  std::invalid_argument unless there are correct and wrong answers, or if a confidence is
///         not a number
double roc_auc(std::span<const Judged> answers);

/// What is left when only the most confident answers are kept.
struct CoveragePoint {
  double threshold = 0.0;  // the lowest confidence kept
  double coverage = 0.0;   // kept / all
  double risk = 0.0;       // wrong / kept
};

/// The coverage-risk curve, from the most confident answer on. Answers of equal confidence are kept
/// together; at most `max_points`, evenly over coverage, the last with coverage 1.
/// throws  std::invalid_argument without answers, for max_points < 1, or if a confidence is not a
///         number
/// source: El-Yaniv and Wiener 2010 (JMLR 11)
std::vector<CoveragePoint> coverage_risk(std::span<const Judged> answers, int64_t max_points = 100);

/// Expected calibration error: the mean distance between confidence and share of correct answers
/// over bins of equal width in [0, 1], weighted by the answers in them.
/// throws  std::invalid_argument without answers, for a confidence outside [0, 1], or bins < 1
/// source: Guo et al. 2017 (arXiv 1706.04599), section 2
double expected_calibration_error(std::span<const Judged> answers, int64_t bins = 15);

}  // namespace nvlm::eval
