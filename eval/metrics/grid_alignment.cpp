#include "eval/metrics/grid_alignment.h"

#include <algorithm>

#include "eval/metrics/grid_texts.h"

namespace nvlm::eval {
namespace {

/// Best sum of rewards of an order-preserving matching. best: scratch space.
template <class Reward>
double best_matching_sum(int64_t num_true, int64_t num_predicted, std::vector<double>& best,
                         Reward reward) {
  best.assign(static_cast<size_t>(num_predicted) + 1, 0.0);
  for (int64_t i = 0; i < num_true; ++i) {
    double diagonal = 0.0;
    for (int64_t j = 0; j < num_predicted; ++j) {
      double& above = best[static_cast<size_t>(j) + 1];
      const double matched = diagonal + reward(i, j);
      diagonal = above;
      above = std::max({matched, above, best[static_cast<size_t>(j)]});
    }
  }
  return best.back();
}

/// The matching itself, as (predicted, true).
template <class Reward>
std::vector<std::pair<int64_t, int64_t>> best_matching(int64_t num_true, int64_t num_predicted,
                                                       Reward reward) {
  enum class Step : uint8_t { kBoth, kTrue, kPredicted };
  const auto width = static_cast<size_t>(num_predicted);
  std::vector<Step> steps(static_cast<size_t>(num_true) * width);
  std::vector<double> best(width + 1, 0.0);
  for (size_t i = 0; i < static_cast<size_t>(num_true); ++i) {
    double diagonal = 0.0;
    for (size_t j = 0; j < width; ++j) {
      const double matched = diagonal + reward(static_cast<int64_t>(i), static_cast<int64_t>(j));
      const double above = best[j + 1];
      const double largest = std::max({matched, above, best[j]});
      steps[i * width + j] =
          matched == largest ? Step::kBoth : (above == largest ? Step::kTrue : Step::kPredicted);
      diagonal = above;
      best[j + 1] = largest;
    }
  }
  std::vector<std::pair<int64_t, int64_t>> pairs;
  for (auto i = static_cast<size_t>(num_true), j = width; i > 0 && j > 0;) {
    const Step step = steps[(i - 1) * width + j - 1];
    if (step == Step::kBoth) {
      pairs.emplace_back(static_cast<int64_t>(j) - 1, static_cast<int64_t>(i) - 1);
    }
    if (step != Step::kPredicted) --i;
    if (step != Step::kTrue) --j;
  }
  std::reverse(pairs.begin(), pairs.end());
  return pairs;
}

std::vector<std::pair<int64_t, int64_t>> same_numbers(int64_t count) {
  std::vector<std::pair<int64_t, int64_t>> pairs;
  for (int64_t i = 0; i < count; ++i) pairs.emplace_back(i, i);
  return pairs;
}

KindGrid transposed(const KindGrid& grid) {
  KindGrid result{grid.num_columns, grid.num_rows, grid.num_kinds, {}};
  result.kinds.reserve(grid.kinds.size());
  for (int64_t column = 0; column < grid.num_columns; ++column) {
    for (int64_t row = 0; row < grid.num_rows; ++row) result.kinds.push_back(grid.at(row, column));
  }
  return result;
}

/// Rows matched by their best column alignments. rewards  [predicted kinds, true kinds]
std::vector<std::pair<int64_t, int64_t>> align_rows(const KindGrid& predicted,
                                                    const KindGrid& truth,
                                                    const std::vector<double>& rewards) {
  std::vector<double> scratch;
  return best_matching(truth.num_rows, predicted.num_rows, [&](int64_t true_row, int64_t row) {
    return best_matching_sum(truth.num_columns, predicted.num_columns, scratch,
                             [&](int64_t true_column, int64_t column) {
                               return rewards[size_t{predicted.at(row, column)} * truth.num_kinds +
                                              truth.at(true_row, true_column)];
                             });
  });
}

}  // namespace

GridAlignment align_kinds(const KindGrid& predicted, const KindGrid& truth,
                          KindSimilarity& similarity) {
  GridAlignment alignment;
  const int64_t true_positions = std::max<int64_t>(truth.num_positions(), 1);
  if (predicted.num_positions() > kMaxAlignedPairs / true_positions) {
    alignment.rows = same_numbers(std::min(predicted.num_rows, truth.num_rows));
    alignment.columns = same_numbers(std::min(predicted.num_columns, truth.num_columns));
    alignment.exact = false;
    return alignment;
  }
  std::vector<double> rewards;
  rewards.reserve(size_t{predicted.num_kinds} * truth.num_kinds);
  for (uint32_t i = 0; i < predicted.num_kinds; ++i) {
    for (uint32_t j = 0; j < truth.num_kinds; ++j) rewards.push_back(similarity.similarity(i, j));
  }
  alignment.rows = align_rows(predicted, truth, rewards);
  alignment.columns = align_rows(transposed(predicted), transposed(truth), rewards);
  return alignment;
}

double aligned_similarity(const KindGrid& predicted, const KindGrid& truth,
                          const GridAlignment& alignment, KindSimilarity& similarity) {
  double sum = 0.0;
  for (const auto& [row, true_row] : alignment.rows) {
    for (const auto& [column, true_column] : alignment.columns) {
      sum += similarity.similarity(predicted.at(row, column), truth.at(true_row, true_column));
    }
  }
  return sum;
}

GridAlignment align_grids(const Table& predicted, const Table& truth) {
  GridTexts texts(predicted, truth);
  GridAlignment alignment = align_kinds(texts.predicted(), texts.truth(), texts);
  alignment.exact = alignment.exact && texts.exact();
  return alignment;
}

}  // namespace nvlm::eval
