// Whether the probabilities of a run's cells mean something.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "common/json.h"
#include "eval/extraction/extract_page.h"
#include "eval/statistics/calibration.h"
#include "eval/tasks/tables_task.h"

namespace nvlm::eval {

/// One kind of confidence over all cells of a run (calibration.h).
struct ConfidenceQuality {
  double roc_auc = 0.0;
  double calibration_error = 0.0;
  std::vector<CoveragePoint> coverage_risk;
};

struct ConfidenceReport {
  int64_t num_tables = 0;  // with probabilities
  int64_t num_cells = 0;   // with a probability; which are correct says judge_cells
  int64_t num_correct = 0;
  ConfidenceQuality probability;
  /// combined_confidence of probability and agreement, where words were asked for.
  std::optional<ConfidenceQuality> verified;
};

/// Compares the cell probabilities in run_dir/predictions.jsonl with the truth and writes
/// run_dir/confidence.json and, for each kind, the curve run_dir/coverage_risk[_verified].csv.
/// words   empty: probabilities alone. Else every picture is read for the agreement.
/// throws  std::runtime_error if the predictions are missing, unfit for the task or without
///         probabilities; std::invalid_argument if all cells are right, or all wrong
ConfidenceReport measure_confidence(const TablesTask& task, const std::filesystem::path& run_dir,
                                    const WordReader& words = {});

Json to_json(const ConfidenceReport& report);

}  // namespace nvlm::eval
