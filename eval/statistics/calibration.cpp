#include "eval/statistics/calibration.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

namespace nvlm::eval {
namespace {

void check_judged(std::span<const Judged> answers) {
  if (answers.empty()) throw std::invalid_argument("calibration: no answers");
  for (const Judged& answer : answers) {
    if (!std::isfinite(answer.confidence)) {
      throw std::invalid_argument("calibration: a confidence is not finite");
    }
  }
}

std::vector<Judged> most_confident_first(std::span<const Judged> answers) {
  std::vector<Judged> sorted(answers.begin(), answers.end());
  std::sort(sorted.begin(), sorted.end(),
            [](const Judged& a, const Judged& b) { return a.confidence > b.confidence; });
  return sorted;
}

/// Calls visit(first, last) for each run of equal confidence, most confident first.
template <class Visit>
void for_each_tie(const std::vector<Judged>& sorted, Visit visit) {
  for (size_t first = 0; first < sorted.size();) {
    size_t last = first + 1;
    while (last < sorted.size() && sorted[last].confidence == sorted[first].confidence) ++last;
    visit(first, last);
    first = last;
  }
}

}  // namespace

double roc_auc(std::span<const Judged> answers) {
  check_judged(answers);
  const std::vector<Judged> sorted = most_confident_first(answers);
  double right_so_far = 0.0, wrong_so_far = 0.0, right_before_wrong = 0.0;
  for_each_tie(sorted, [&](size_t first, size_t last) {
    double right = 0.0;
    for (size_t i = first; i < last; ++i) right += sorted[i].correct ? 1.0 : 0.0;
    const double wrong = static_cast<double>(last - first) - right;
    right_before_wrong += wrong * (right_so_far + 0.5 * right);
    right_so_far += right;
    wrong_so_far += wrong;
  });
  if (right_so_far == 0.0 || wrong_so_far == 0.0) {
    throw std::invalid_argument("calibration: all " + std::to_string(answers.size()) +
                                " answers are " + (wrong_so_far == 0.0 ? "correct" : "wrong") +
                                "; a ROC curve needs both");
  }
  return right_before_wrong / (right_so_far * wrong_so_far);
}

std::vector<CoveragePoint> coverage_risk(std::span<const Judged> answers, int64_t max_points) {
  check_judged(answers);
  if (max_points < 1) {
    throw std::invalid_argument("calibration: " + std::to_string(max_points) +
                                " points, expected at least 1");
  }
  const std::vector<Judged> sorted = most_confident_first(answers);
  const auto all = static_cast<double>(sorted.size());
  std::vector<CoveragePoint> curve;
  double wrong = 0.0;
  for_each_tie(sorted, [&](size_t first, size_t last) {
    for (size_t i = first; i < last; ++i) wrong += sorted[i].correct ? 0.0 : 1.0;
    const auto kept = static_cast<double>(last);
    // A point for each multiple of 1 / max_points that coverage reaches with this run.
    const double step = all / static_cast<double>(max_points);
    const bool reaches_next =
        std::floor(kept / step) > std::floor(static_cast<double>(first) / step);
    if (!reaches_next && last < sorted.size()) return;
    curve.push_back({sorted[first].confidence, kept / all, wrong / kept});
  });
  return curve;
}

double expected_calibration_error(std::span<const Judged> answers, int64_t bins) {
  check_judged(answers);
  if (bins < 1) {
    throw std::invalid_argument("calibration: " + std::to_string(bins) +
                                " bins, expected at least 1");
  }
  std::vector<double> surplus(static_cast<size_t>(bins));  // confidence - correct, summed
  for (const Judged& answer : answers) {
    if (answer.confidence < 0.0 || answer.confidence > 1.0) {
      throw std::invalid_argument("calibration: a confidence is " +
                                  std::to_string(answer.confidence) + ", expected 0 to 1");
    }
    const auto bin =
        std::min(static_cast<int64_t>(answer.confidence * static_cast<double>(bins)), bins - 1);
    surplus[static_cast<size_t>(bin)] += answer.confidence - (answer.correct ? 1.0 : 0.0);
  }
  double total = 0.0;
  for (const double value : surplus) total += std::abs(value);
  return total / static_cast<double>(answers.size());
}

}  // namespace nvlm::eval
