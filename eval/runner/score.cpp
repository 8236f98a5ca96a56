#include "eval/runner/score.h"

#include <cmath>
#include <exception>
#include <stdexcept>
#include <utility>

#include "common/atomic_file.h"
#include "common/json.h"
#include "eval/runner/item_score_file.h"
#include "eval/runner/prediction_file.h"

namespace nvlm::eval {
namespace {

/// Values of one score with the document that each is from.
struct ScoreColumn {
  std::vector<double> values;
  std::vector<int64_t> documents;
};

/// Collects the scores of items, be it all or those of a group.
class ScoreBook {
 public:
  void add(const std::map<std::string, double>& scores, int64_t document) {
    for (const auto& [name, value] : scores) {
      columns_[name].values.push_back(value);
      columns_[name].documents.push_back(document);
    }
  }

  ScoreMeans means(const BootstrapOptions& options) const {
    ScoreMeans result;
    for (const auto& [name, column] : columns_) {
      result[name] = bootstrap_mean(column.values, options, column.documents);
    }
    return result;
  }

 private:
  std::map<std::string, ScoreColumn> columns_;
};

PredictionFile read_finished_predictions(const std::filesystem::path& path, const Task& task) {
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
                             std::to_string(task.num_items()));
  }
  return file;
}

/// Scores of item `index`, or why there are none.
ItemScoreLine score_item(const Task& task, size_t index, const Prediction* prediction) {
  const TaskItem& item = task.item(index);
  ItemScoreLine line{item.id, item.document, item.truth_sha256, {}, item.groups, {}, {}, ""};
  if (prediction == nullptr) {
    line.error = "no prediction";
  } else {
    line.seconds = prediction->seconds;
    line.error = prediction->error;
  }
  if (line.error.empty()) {
    try {
      ItemScores scores = task.score(index, prediction->text);
      for (const auto& [name, value] : scores.values) {
        if (!std::isfinite(value))
          throw std::runtime_error("the score '" + name + "' is not finite");
      }
      line.scores = std::move(scores.values);
      line.flags = std::move(scores.flags);
      return line;
    } catch (const std::exception& problem) {
      line.error = std::string("prediction cannot be scored: ") + problem.what();
    }
  }
  line.scores = task.failed_scores(index);
  return line;
}

Json means_json(const ScoreMeans& means) {
  Json scores = Json::object();
  for (const auto& [name, interval] : means) {
    scores[name] = {
        {"mean", interval.mean}, {"low", interval.low}, {"high", interval.high}, {"n", interval.n}};
  }
  return scores;
}

Json summary_json(const ScoreSummary& summary, const Task& task, const ScoreOptions& options) {
  Json breakdown = Json::object();
  for (const auto& [grouping, groups] : summary.breakdown) {
    for (const auto& [group, means] : groups) breakdown[grouping][group] = means_json(means);
  }
  Json failures = Json::array();
  for (const ScoreFailure& failure : summary.failures) {
    failures.push_back({{"id", failure.id}, {"error", failure.error}});
  }
  Json report{{"task", task.name()},
              {"main_score", task.main_score()},
              {"item_list_sha256", task.item_list_sha256},
              {"truth_sha256", task.truth_sha256},
              {"num_items", summary.num_items},
              {"num_skipped", summary.num_skipped},
              {"scores", means_json(summary.scores)},
              {"breakdown", breakdown},
              {"num_failures", summary.failures.size()},
              {"failures", failures},
              {"flagged", summary.flagged},
              {"bootstrap",
               {{"resamples", options.bootstrap.resamples},
                {"confidence", options.bootstrap.confidence},
                {"seed", options.bootstrap.seed},
                {"unit", "document"}}}};
  report.update(task.description());
  return report;
}

}  // namespace

ScoreSummary score(const Task& task, const std::filesystem::path& run_dir,
                   const ScoreOptions& options) {
  const PredictionFile file = read_finished_predictions(run_dir / "predictions.jsonl", task);
  std::map<std::string, const Prediction*> by_id;
  for (const Prediction& prediction : file.predictions) by_id[prediction.id] = &prediction;

  ScoreSummary summary;
  ScoreBook all;
  std::map<std::string, std::map<std::string, ScoreBook>> grouped;
  std::map<std::string, int64_t> documents;
  AtomicFile items_file(run_dir / "item_scores.jsonl");
  for (size_t i = 0; i < task.num_items(); ++i) {
    const auto found = by_id.find(task.item(i).id);
    const Prediction* prediction = found == by_id.end() ? nullptr : found->second;
    if (prediction == nullptr && options.predicted_only) {
      ++summary.num_skipped;
      continue;
    }
    ++summary.num_items;
    const ItemScoreLine line = score_item(task, i, prediction);
    const int64_t document =
        documents.try_emplace(line.document, static_cast<int64_t>(documents.size())).first->second;
    all.add(line.scores, document);
    if (line.error.empty()) all.add({{"seconds", *line.seconds}}, document);
    for (const auto& [grouping, group] : line.groups) {
      grouped[grouping][group].add(line.scores, document);
    }
    if (!line.error.empty()) summary.failures.push_back({line.id, line.error});
    for (const std::string& flag : line.flags) summary.flagged[flag].push_back(line.id);
    items_file.stream() << item_score_json(line).dump() << '\n';
  }
  summary.scores = all.means(options.bootstrap);
  for (const auto& [grouping, groups] : grouped) {
    for (const auto& [group, book] : groups) {
      summary.breakdown[grouping][group] = book.means(options.bootstrap);
    }
  }
  items_file.commit();
  write_json(run_dir / "scores.json", summary_json(summary, task, options));
  return summary;
}

}  // namespace nvlm::eval
