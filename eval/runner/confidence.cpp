#include "eval/runner/confidence.h"

#ifdef NVLM_IMAGE_FILES

#include <map>
#include <sstream>
#include <stdexcept>

#include "common/atomic_file.h"
#include "common/progress.h"
#include "eval/metrics/judged_cells.h"
#include "eval/runner/prediction_file.h"
#include "eval/tasks/table_scores.h"
#include "vision/image.h"

namespace nvlm::eval {
namespace {

/// The predicted table with its probabilities; nothing if the prediction has none.
std::optional<Table> table_with_probabilities(const Prediction& prediction) {
  if (prediction.cell_probabilities.empty()) return std::nullopt;
  std::optional<PredictedTable> predicted = parse_predicted_table(prediction.text);
  const size_t count = prediction.cell_probabilities.size();
  if (!predicted || predicted->table.cells.size() != count) {
    throw std::runtime_error("confidence: '" + prediction.id + "' has " + std::to_string(count) +
                             " cell probabilities for a table of " +
                             std::to_string(predicted ? predicted->table.cells.size() : 0) +
                             " cells");
  }
  for (size_t i = 0; i < count; ++i) {
    predicted->table.cells[i].probability = prediction.cell_probabilities[i];
  }
  return std::move(predicted->table);
}

void combine_with_agreement(Table& table, const std::vector<std::string>& words) {
  const Agreement agreement = measure_agreement(table, words);
  for (size_t i = 0; i < table.cells.size(); ++i) {
    table.cells[i].probability =
        combined_confidence(table.cells[i].probability, agreement.cells[i]);
  }
}

ConfidenceQuality quality_of(const std::vector<Judged>& cells) {
  return {roc_auc(cells), expected_calibration_error(cells), coverage_risk(cells)};
}

void write_curve(const std::filesystem::path& path, const std::vector<CoveragePoint>& curve) {
  std::ostringstream text;
  text << "threshold,coverage,risk\n";
  for (const CoveragePoint& point : curve) {
    text << point.threshold << "," << point.coverage << "," << point.risk << "\n";
  }
  write_file_atomically(path, text.str());
}

Json quality_json(const ConfidenceQuality& quality) {
  return {{"roc_auc", quality.roc_auc}, {"calibration_error", quality.calibration_error}};
}

}  // namespace

ConfidenceReport measure_confidence(const TablesTask& task, const std::filesystem::path& run_dir,
                                    const WordReader& words) {
  const std::filesystem::path path = run_dir / "predictions.jsonl";
  std::map<std::string, const TableItem*> items;
  for (const TableItem& item : task.items) items[item.id] = &item;
  ConfidenceReport report;
  std::vector<Judged> cells, verified;
  const PredictionFile file = read_predictions(path, task);
  std::optional<Progress> progress;
  if (words) progress.emplace("verify", static_cast<int64_t>(file.predictions.size()));
  int64_t done = 0;
  for (const Prediction& prediction : file.predictions) {
    if (progress) progress->update(++done);
    std::optional<Table> table = table_with_probabilities(prediction);
    if (!table) continue;
    ++report.num_tables;
    const TableItem& item = *items.at(prediction.id);
    for (const Judged& cell : judge_cells(*table, item.truth)) {
      cells.push_back(cell);
      report.num_correct += cell.correct ? 1 : 0;
    }
    if (!words) continue;
    combine_with_agreement(*table, words(vision::read_image(item.image)));
    const std::vector<Judged> judged = judge_cells(*table, item.truth);
    verified.insert(verified.end(), judged.begin(), judged.end());
  }
  if (progress) progress->finish();
  if (cells.empty()) {
    throw std::runtime_error(path.string() +
                             ": no cell probabilities; the reader of this run gives none");
  }
  report.num_cells = static_cast<int64_t>(cells.size());
  report.probability = quality_of(cells);
  write_curve(run_dir / "coverage_risk.csv", report.probability.coverage_risk);
  if (words) {
    report.verified = quality_of(verified);
    write_curve(run_dir / "coverage_risk_verified.csv", report.verified->coverage_risk);
  }
  write_json(run_dir / "confidence.json", to_json(report));
  return report;
}

Json to_json(const ConfidenceReport& report) {
  Json json{{"num_tables", report.num_tables},
            {"num_cells", report.num_cells},
            {"num_correct", report.num_correct},
            {"probability", quality_json(report.probability)}};
  if (report.verified) json["verified"] = quality_json(*report.verified);
  return json;
}

}  // namespace nvlm::eval

#endif  // NVLM_IMAGE_FILES
