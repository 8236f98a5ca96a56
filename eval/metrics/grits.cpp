#include "eval/metrics/grits.h"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "eval/metrics/grid_texts.h"

namespace nvlm::eval {
namespace {

/// The cell that covers a position, relative to it: left, top, right, bottom.
using RelativeSpan = std::array<int64_t, 4>;

class GridSpans : public KindSimilarity {
 public:
  KindGrid number(const Table& table, std::vector<RelativeSpan>& spans) {
    spans = {{0, 0, 1, 1}};
    std::map<RelativeSpan, uint32_t> kinds{{spans[0], 0}};
    KindGrid grid{table.num_rows, table.num_columns, 0, {}};
    grid.kinds.assign(static_cast<size_t>(grid.num_positions()), 0);
    for (const TableCell& cell : table.cells) {
      for (int64_t row = 0; row < cell.row_span; ++row) {
        for (int64_t column = 0; column < cell.column_span; ++column) {
          const RelativeSpan span{-column, -row, cell.column_span - column, cell.row_span - row};
          const auto [found, is_new] = kinds.try_emplace(span, static_cast<uint32_t>(spans.size()));
          if (is_new) spans.push_back(span);
          grid.kinds[static_cast<size_t>((cell.row + row) * grid.num_columns + cell.column +
                                         column)] = found->second;
        }
      }
    }
    grid.num_kinds = static_cast<uint32_t>(spans.size());
    return grid;
  }

  double similarity(uint32_t predicted, uint32_t truth) override {
    const RelativeSpan& a = predicted_spans[predicted];
    const RelativeSpan& b = true_spans[truth];
    const auto area = [](const RelativeSpan& span) {
      return static_cast<double>((span[2] - span[0]) * (span[3] - span[1]));
    };
    // Both hold the position itself, so they always meet.
    const double common = area(
        {std::max(a[0], b[0]), std::max(a[1], b[1]), std::min(a[2], b[2]), std::min(a[3], b[3])});
    return common / (area(a) + area(b) - common);
  }

  std::vector<RelativeSpan> predicted_spans, true_spans;
};

GritsScore grits_of(const KindGrid& predicted, const KindGrid& truth, KindSimilarity& similarity) {
  const GridAlignment alignment = align_kinds(predicted, truth, similarity);
  const double sum = aligned_similarity(predicted, truth, alignment, similarity);
  const auto num_predicted = static_cast<double>(predicted.num_positions());
  const auto num_true = static_cast<double>(truth.num_positions());
  GritsScore score;
  score.precision = num_predicted > 0.0 ? sum / num_predicted : 1.0;
  score.recall = num_true > 0.0 ? sum / num_true : 1.0;
  const double total = num_predicted + num_true;
  score.f_score = total > 0.0 ? 2.0 * sum / total : 1.0;
  score.exact = alignment.exact;
  return score;
}

}  // namespace

GritsScore grits_topology(const Table& predicted, const Table& truth) {
  GridSpans spans;
  const KindGrid a = spans.number(predicted, spans.predicted_spans);
  const KindGrid b = spans.number(truth, spans.true_spans);
  return grits_of(a, b, spans);
}

GritsScore grits_content(const Table& predicted, const Table& truth) {
  GridTexts texts(predicted, truth);
  GritsScore score = grits_of(texts.predicted(), texts.truth(), texts);
  score.exact = score.exact && texts.exact();
  return score;
}

}  // namespace nvlm::eval
