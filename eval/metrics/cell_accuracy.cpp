#include "eval/metrics/cell_accuracy.h"

#include <algorithm>
#include <string>
#include <vector>

#include "eval/metrics/grid_alignment.h"

namespace nvlm::eval {
namespace {

int64_t num_with_text(const std::vector<std::string>& texts) {
  return std::count_if(texts.begin(), texts.end(),
                       [](const std::string& text) { return !text.empty(); });
}

}  // namespace

double CellAccuracy::accuracy() const {
  const int64_t larger = std::max(predicted, truth);
  return larger == 0 ? 1.0 : static_cast<double>(correct) / static_cast<double>(larger);
}

CellAccuracy cell_accuracy(const Table& predicted, const Table& truth) {
  const GridAlignment alignment = align_grids(flattened(predicted), flattened(truth));
  const std::vector<std::string> predicted_texts = grid_texts(predicted);
  const std::vector<std::string> true_texts = grid_texts(truth);
  CellAccuracy result;
  result.predicted = num_with_text(predicted_texts);
  result.truth = num_with_text(true_texts);
  result.exact = alignment.exact;
  for (const auto& [row, true_row] : alignment.rows) {
    for (const auto& [column, true_column] : alignment.columns) {
      const std::string& text =
          predicted_texts[static_cast<size_t>(row * predicted.num_columns + column)];
      const std::string& expected =
          true_texts[static_cast<size_t>(true_row * truth.num_columns + true_column)];
      if (!text.empty() && text == expected) ++result.correct;
    }
  }
  return result;
}

}  // namespace nvlm::eval
