#include "eval/metrics/grid_texts.h"

#include "eval/text/code_points.h"

namespace nvlm::eval {
namespace {

/// Bounds one pair, and all pairs together: steps of 64 x 1 characters, about a nanosecond each.
constexpr double kMaxPairSteps = 1e8;
constexpr double kMaxTotalSteps = 2e9;

}  // namespace

GridTexts::GridTexts(const Table& predicted, const Table& truth) {
  predicted_ = number(predicted);
  truth_ = number(truth);
  engine_ = CommonSubsequence(static_cast<uint32_t>(symbols_.size()));
}

GridTexts::Side GridTexts::number(const Table& table) {
  Side side;
  std::unordered_map<std::string, uint32_t> kinds{{"", 0}};
  side.texts.emplace_back();
  KindGrid& grid = side.grid;
  grid.num_rows = table.num_rows;
  grid.num_columns = table.num_columns;
  grid.kinds.assign(static_cast<size_t>(grid.num_positions()), 0);
  for (const TableCell& cell : table.cells) {
    const auto [found, is_new] =
        kinds.try_emplace(cell.text, static_cast<uint32_t>(side.texts.size()));
    if (is_new) {
      std::vector<uint32_t>& text = side.texts.emplace_back();
      for (const char32_t c : decode_utf8(cell.text)) {
        text.push_back(
            symbols_.try_emplace(c, static_cast<uint32_t>(symbols_.size())).first->second);
      }
    }
    for (int64_t row = cell.row; row < cell.row + cell.row_span; ++row) {
      for (int64_t column = cell.column; column < cell.column + cell.column_span; ++column) {
        grid.kinds[static_cast<size_t>(row * grid.num_columns + column)] = found->second;
      }
    }
  }
  grid.num_kinds = static_cast<uint32_t>(side.texts.size());
  return side;
}

double GridTexts::similarity(uint32_t predicted, uint32_t truth) {
  const std::vector<uint32_t>& a = predicted_.texts[predicted];
  const std::vector<uint32_t>& b = truth_.texts[truth];
  if (a.empty() || b.empty()) return a.empty() && b.empty() ? 1.0 : 0.0;
  const double steps =
      static_cast<double>((a.size() + 63) / 64) * static_cast<double>(a.size() + b.size());
  if (steps > kMaxPairSteps || steps_ > kMaxTotalSteps) {
    if (a == b) return 1.0;
    exact_ = false;
    return 0.0;
  }
  steps_ += steps;
  if (pattern_kind_ != predicted) engine_.set_pattern(a);
  pattern_kind_ = predicted;
  return 2.0 * static_cast<double>(engine_.length(b)) / static_cast<double>(a.size() + b.size());
}

}  // namespace nvlm::eval
