#include "eval/metrics/judged_cells.h"

#include <map>
#include <string>

#include "eval/metrics/grid_alignment.h"
#include "eval/table/canonical.h"

namespace nvlm::eval {

std::vector<Judged> judge_cells(const Table& predicted, const Table& truth) {
  const Table actual = canonical_table(predicted);
  const Table expected = flattened(canonical_table(truth));
  const GridAlignment alignment = align_grids(flattened(actual), expected);
  const std::map<int64_t, int64_t> true_row(alignment.rows.begin(), alignment.rows.end());
  const std::map<int64_t, int64_t> true_column(alignment.columns.begin(), alignment.columns.end());
  const std::vector<std::string> true_texts = grid_texts(expected);
  std::vector<Judged> judged;
  for (const TableCell& cell : actual.cells) {
    if (!cell.probability) continue;
    const auto row = true_row.find(cell.row);
    const auto column = true_column.find(cell.column);
    const bool matched = row != true_row.end() && column != true_column.end();
    judged.push_back(
        {*cell.probability,
         matched && cell.text == true_texts[static_cast<size_t>(row->second * expected.num_columns +
                                                                column->second)]});
  }
  return judged;
}

}  // namespace nvlm::eval
