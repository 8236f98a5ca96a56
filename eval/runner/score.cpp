#include "eval/runner/score.h"

#include <exception>
#include <set>
#include <stdexcept>
#include <utility>

#include "common/atomic_file.h"
#include "common/json.h"
#include "eval/runner/prediction_file.h"
#include "eval/table/canonical.h"
#include "eval/tasks/table_scores.h"

namespace nvlm::eval {
namespace {

/// Values of one score with the document that each is from.
struct ScoreColumn {
  std::vector<double> values;
  std::vector<int64_t> documents;
};

/// Collects the scores of all items.
class ScoreBook {
 public:
  explicit ScoreBook(const TablesTask& task) {
    for (const TableItem& item : task.items) {
      document_numbers_.try_emplace(item.document, static_cast<int64_t>(document_numbers_.size()));
    }
  }

  void add(const std::string& name, const TableItem& item, double value) {
    ScoreColumn& column = columns_[name];
    column.values.push_back(value);
    column.documents.push_back(document_numbers_.at(item.document));
  }

  void add(const TableItem& item, const TableScores& scores) {
    add("teds", item, scores.teds);
    add("teds_structure", item, scores.teds_structure);
    add(item.truth.has_spans() ? "teds_with_spans" : "teds_without_spans", item, scores.teds);
    add("cer", item, scores.character_error_rate);
    add("exact_match", item, scores.exact_match ? 1.0 : 0.0);
    add("well_formed", item, scores.well_formed ? 1.0 : 0.0);
  }

  std::map<std::string, MeanInterval> means(const BootstrapOptions& options) const {
    std::map<std::string, MeanInterval> result;
    for (const auto& [name, column] : columns_) {
      result[name] = bootstrap_mean(column.values, options, column.documents);
    }
    return result;
  }

 private:
  std::map<std::string, int64_t> document_numbers_;
  std::map<std::string, ScoreColumn> columns_;
};

PredictionFile read_finished_predictions(const std::filesystem::path& path,
                                         const TablesTask& task) {
  if (!std::filesystem::exists(path)) {
    throw std::runtime_error("score: '" + path.string() + "' is missing; predict first");
  }
  PredictionFile file = read_predictions(path, task);
  if (file.has_half_line) {
    throw std::runtime_error(path.string() +
                             ": the last line is not complete; continue the prediction first");
  }
  if (file.predictions.empty()) {
    throw std::runtime_error(path.string() + ": no predictions, expected up to " +
                             std::to_string(task.items.size()));
  }
  return file;
}

/// Scores of one item; fills `error` if there is nothing to score.
TableScores score_item(const TableItem& item, const Prediction* prediction, std::string& error) {
  if (prediction == nullptr) {
    error = "no prediction";
  } else if (!prediction->error.empty()) {
    error = prediction->error;
  } else {
    try {
      return score_table(prediction->text, item.truth);
    } catch (const std::exception& problem) {
      error = std::string("prediction cannot be scored: ") + problem.what();
    }
  }
  return {};
}

Json item_json(const TableItem& item, const TableScores& scores, const Prediction* prediction,
               const std::string& error) {
  Json entry{{"id", item.id},
             {"teds", scores.teds},
             {"teds_structure", scores.teds_structure},
             {"cer", scores.character_error_rate},
             {"exact_match", scores.exact_match},
             {"has_table", scores.has_table},
             {"well_formed", scores.well_formed},
             {"teds_is_lower_bound", !scores.exact_distance}};
  if (prediction != nullptr) entry["seconds"] = prediction->seconds;
  if (!error.empty()) entry["error"] = error;
  return entry;
}

Json summary_json(const ScoreSummary& summary, const TablesTask& task,
                  const ScoreOptions& options) {
  Json scores = Json::object();
  for (const auto& [name, interval] : summary.scores) {
    scores[name] = {
        {"mean", interval.mean}, {"low", interval.low}, {"high", interval.high}, {"n", interval.n}};
  }
  Json failures = Json::array();
  for (const ScoreFailure& failure : summary.failures) {
    failures.push_back({{"id", failure.id}, {"error", failure.error}});
  }
  return {{"task", "tables"},
          {"truth", truth_format_name(task.truth_format)},
          {"canonical_text_version", kCanonicalTextVersion},
          {"item_list_sha256", task.item_list_sha256},
          {"truth_sha256", task.truth_sha256},
          {"num_items", summary.num_items},
          {"num_skipped", summary.num_skipped},
          {"scores", scores},
          {"num_failures", summary.failures.size()},
          {"failures", failures},
          {"without_table", summary.without_table},
          {"teds_is_lower_bound", summary.bounded},
          {"bootstrap",
           {{"resamples", options.bootstrap.resamples},
            {"confidence", options.bootstrap.confidence},
            {"seed", options.bootstrap.seed},
            {"unit", "document"}}}};
}

}  // namespace

ScoreSummary score(const TablesTask& task, const std::filesystem::path& run_dir,
                   const ScoreOptions& options) {
  const PredictionFile file = read_finished_predictions(run_dir / "predictions.jsonl", task);
  std::map<std::string, const Prediction*> by_id;
  for (const Prediction& prediction : file.predictions) by_id[prediction.id] = &prediction;

  ScoreSummary summary;
  ScoreBook book(task);
  AtomicFile items_file(run_dir / "item_scores.jsonl");
  for (const TableItem& item : task.items) {
    const auto found = by_id.find(item.id);
    const Prediction* prediction = found == by_id.end() ? nullptr : found->second;
    if (prediction == nullptr && options.predicted_only) {
      ++summary.num_skipped;
      continue;
    }
    ++summary.num_items;
    std::string error;
    const TableScores scores = score_item(item, prediction, error);
    book.add(item, scores);
    if (error.empty()) book.add("seconds", item, prediction->seconds);
    if (!error.empty()) summary.failures.push_back({item.id, error});
    if (error.empty() && !scores.has_table) summary.without_table.push_back(item.id);
    if (!scores.exact_distance) summary.bounded.push_back(item.id);
    items_file.stream() << item_json(item, scores, prediction, error).dump() << '\n';
  }
  summary.scores = book.means(options.bootstrap);
  items_file.commit();
  write_json(run_dir / "scores.json", summary_json(summary, task, options));
  return summary;
}

}  // namespace nvlm::eval
