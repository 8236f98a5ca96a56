#include "eval/metrics/cell_adjacency.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "eval/text/code_points.h"

namespace nvlm::eval {
namespace {

constexpr int32_t kNoCell = -1;

/// First text, second text, whether downwards, blank positions between.
using Relation = std::tuple<uint32_t, uint32_t, bool, int64_t>;

/// Numbers for texts, the same in both tables.
using TextNumbers = std::unordered_map<std::string, uint32_t>;

/// What stands where in a table, as numbers of texts.
struct TextGrid {
  TextGrid(const Table& grid_table, TextNumbers& numbers) : table(grid_table) {
    cell_at.assign(static_cast<size_t>(table.num_rows * table.num_columns), kNoCell);
    for (size_t i = 0; i < table.cells.size(); ++i) {
      const TableCell& cell = table.cells[i];
      const std::string text = adjacency_text(cell.text);
      texts.push_back(
          numbers.try_emplace(text, static_cast<uint32_t>(numbers.size())).first->second);
      has_text.push_back(!text.empty());
      if (text.empty()) continue;
      for (int64_t row = cell.row; row < cell.row + cell.row_span; ++row) {
        for (int64_t column = cell.column; column < cell.column + cell.column_span; ++column) {
          cell_at[static_cast<size_t>(row * table.num_columns + column)] = static_cast<int32_t>(i);
        }
      }
    }
  }

  int32_t at(int64_t row, int64_t column) const {
    return cell_at[static_cast<size_t>(row * table.num_columns + column)];
  }

  const Table& table;
  std::vector<uint32_t> texts;   // per cell
  std::vector<bool> has_text;    // per cell
  std::vector<int32_t> cell_at;  // per position: the cell with text that covers it
};

/// All relations of a table, sorted.
std::vector<Relation> find_relations(const Table& table, TextNumbers& numbers) {
  const TextGrid grid(table, numbers);
  std::vector<Relation> relations;
  for (size_t i = 0; i < table.cells.size(); ++i) {
    if (!grid.has_text[i]) continue;
    const TableCell& cell = table.cells[i];
    std::set<int32_t> seen;
    const auto add = [&](int32_t neighbour, bool downwards, int64_t blanks) {
      if (!seen.insert(neighbour).second) return;
      relations.emplace_back(grid.texts[i], grid.texts[static_cast<size_t>(neighbour)], downwards,
                             blanks);
    };
    const int64_t right = cell.column + cell.column_span;
    const int64_t below = cell.row + cell.row_span;
    for (int64_t row = cell.row; row < below; ++row) {
      int64_t column = right;
      while (column < table.num_columns && grid.at(row, column) == kNoCell) ++column;
      if (column < table.num_columns) add(grid.at(row, column), false, column - right);
    }
    for (int64_t column = cell.column; column < right; ++column) {
      int64_t row = below;
      while (row < table.num_rows && grid.at(row, column) == kNoCell) ++row;
      if (row < table.num_rows) add(grid.at(row, column), true, row - below);
    }
  }
  std::sort(relations.begin(), relations.end());
  return relations;
}

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
  TextNumbers numbers;
  const std::vector<Relation> found = find_relations(predicted, numbers);
  const std::vector<Relation> expected = find_relations(truth, numbers);
  std::vector<Relation> common;
  std::set_intersection(found.begin(), found.end(), expected.begin(), expected.end(),
                        std::back_inserter(common));
  return {static_cast<int64_t>(common.size()), static_cast<int64_t>(found.size()),
          static_cast<int64_t>(expected.size())};
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
