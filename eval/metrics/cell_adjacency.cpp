#include "eval/metrics/cell_adjacency.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "eval/text/code_points.h"

namespace nvlm::eval {
namespace {

constexpr int32_t kNoCell = -1;

/// First text, second text, whether downwards, blank positions between.
using Relation = std::tuple<std::string, std::string, bool, int64_t>;

class RelationFinder {
 public:
  explicit RelationFinder(const Table& table) : table_(table) {
    cell_at_.assign(static_cast<size_t>(table.num_rows * table.num_columns), kNoCell);
    for (size_t i = 0; i < table.cells.size(); ++i) {
      const TableCell& cell = table.cells[i];
      texts_.push_back(adjacency_text(cell.text));
      if (texts_.back().empty()) continue;
      for (int64_t row = cell.row; row < cell.row + cell.row_span; ++row) {
        for (int64_t column = cell.column; column < cell.column + cell.column_span; ++column) {
          cell_at_[position(row, column)] = static_cast<int32_t>(i);
        }
      }
    }
  }

  std::map<Relation, int64_t> relations() const {
    std::map<Relation, int64_t> counts;
    for (size_t i = 0; i < table_.cells.size(); ++i) {
      if (texts_[i].empty()) continue;
      const TableCell& cell = table_.cells[i];
      std::set<int32_t> seen;
      const auto add = [&](int32_t neighbour, bool downwards, int64_t blanks) {
        if (neighbour == kNoCell || !seen.insert(neighbour).second) return;
        ++counts[{texts_[i], texts_[static_cast<size_t>(neighbour)], downwards, blanks}];
      };
      const int64_t right = cell.column + cell.column_span;
      const int64_t below = cell.row + cell.row_span;
      for (int64_t row = cell.row; row < below; ++row) {
        int64_t column = right;
        while (column < table_.num_columns && at(row, column) == kNoCell) ++column;
        if (column < table_.num_columns) add(at(row, column), false, column - right);
      }
      for (int64_t column = cell.column; column < right; ++column) {
        int64_t row = below;
        while (row < table_.num_rows && at(row, column) == kNoCell) ++row;
        if (row < table_.num_rows) add(at(row, column), true, row - below);
      }
    }
    return counts;
  }

 private:
  size_t position(int64_t row, int64_t column) const {
    return static_cast<size_t>(row * table_.num_columns + column);
  }
  int32_t at(int64_t row, int64_t column) const { return cell_at_[position(row, column)]; }

  const Table& table_;
  std::vector<std::string> texts_;  // per cell
  std::vector<int32_t> cell_at_;    // per position: the cell with text that covers it
};

}  // namespace

double AdjacencyScore::precision() const {
  return predicted == 0 ? 1.0 : static_cast<double>(matched) / static_cast<double>(predicted);
}

double AdjacencyScore::recall() const {
  return truth == 0 ? 1.0 : static_cast<double>(matched) / static_cast<double>(truth);
}

double AdjacencyScore::f1() const {
  const double sum = precision() + recall();
  return sum == 0.0 ? 0.0 : 2.0 * precision() * recall() / sum;
}

AdjacencyScore cell_adjacency(const Table& predicted, const Table& truth) {
  const std::map<Relation, int64_t> found = RelationFinder(predicted).relations();
  const std::map<Relation, int64_t> expected = RelationFinder(truth).relations();
  AdjacencyScore score;
  for (const auto& [relation, count] : found) score.predicted += count;
  for (const auto& [relation, count] : expected) {
    score.truth += count;
    const auto match = found.find(relation);
    if (match != found.end()) score.matched += std::min(count, match->second);
  }
  return score;
}

std::string adjacency_text(std::string_view text) {
  std::u32string kept;
  std::u32string visible;
  for (const char32_t c : decode_utf8(text)) {
    const auto code_point = static_cast<UChar32>(c);
    if (!is_unicode_space(c)) visible += c;
    const uint32_t categories = U_GC_L_MASK | U_GC_M_MASK | U_GC_N_MASK;
    if ((U_GET_GC_MASK(code_point) & categories) != 0) kept += c;
  }
  return encode_utf8(kept.empty() ? visible : kept);
}

}  // namespace nvlm::eval
