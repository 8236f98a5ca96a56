#include "experiments/efficiency/scoring_speed.h"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/random.h"
#include "eval/metrics/teds.h"
#include "eval/table/gfm_writer.h"
#include "eval/tasks/table_scores.h"

namespace nvlm::experiments {
namespace {

/// Ten characters in every cell, digits and letters.
eval::Table random_table(int64_t rows, int64_t columns) {
  const std::string alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
  Random random(1);
  eval::Table table{rows, columns, {}};
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = 0; column < columns; ++column) {
      eval::TableCell cell;
      cell.row = row;
      cell.column = column;
      for (int i = 0; i < 10; ++i) {
        cell.text += alphabet[static_cast<size_t>(
            random.integer(0, static_cast<int64_t>(alphabet.size()) - 1))];
      }
      table.cells.push_back(std::move(cell));
    }
  }
  return table;
}

eval::Table misread(eval::Table table) {
  table.cells.resize(static_cast<size_t>((table.num_rows - 1) * table.num_columns));
  --table.num_rows;
  for (size_t i = 0; i < table.cells.size(); i += 3) table.cells[i].text[4] = '#';
  return table;
}

template <class Work>
double median_scoring_seconds(int64_t repetitions, Work work) {
  std::vector<double> seconds;
  for (int64_t i = 0; i < repetitions; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  const auto middle = seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2);
  std::nth_element(seconds.begin(), middle, seconds.end());
  return *middle;
}

}  // namespace

ScoringSpeed measure_scoring(int64_t rows, int64_t columns, int64_t repetitions) {
  if (rows < 2 || columns < 1 || repetitions < 1) {
    throw std::invalid_argument(
        "scoring speed: " + std::to_string(rows) + " rows, " + std::to_string(columns) +
        " columns, " + std::to_string(repetitions) + " repetitions, expected at least 2, 1 and 1");
  }
  const eval::Table truth = random_table(rows, columns);
  const eval::Table predicted = misread(truth);
  const std::string answer = eval::write_gfm(predicted);
  ScoringSpeed speed{rows, columns, 0.0, 0.0};
  speed.teds_seconds = median_scoring_seconds(repetitions, [&] { eval::teds(predicted, truth); });
  speed.table_seconds =
      median_scoring_seconds(repetitions, [&] { eval::score_table(answer, truth); });
  return speed;
}

}  // namespace nvlm::experiments
