#include "eval/runner/compare.h"

#include <iomanip>
#include <set>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "eval/tasks/task.h"

namespace nvlm::eval {
namespace {

constexpr const char* kSeconds = "seconds";

[[noreturn]] void not_comparable(const ScoredRun& first, const ScoredRun& second,
                                 const std::string& why) {
  throw std::runtime_error("'" + first.folder.string() + "' and '" + second.folder.string() +
                           "' cannot be compared: " + why);
}

std::map<std::string, const ItemScoreLine*> lines_by_id(const ScoredRun& run) {
  std::map<std::string, const ItemScoreLine*> lines;
  for (const ItemScoreLine& line : run.items) lines[line.id] = &line;
  return lines;
}

/// The lines of `second` in the order of `first`.
std::vector<const ItemScoreLine*> matched_lines(const ScoredRun& first, const ScoredRun& second) {
  std::map<std::string, const ItemScoreLine*> waiting = lines_by_id(second);
  std::vector<const ItemScoreLine*> lines;
  for (const ItemScoreLine& line : first.items) {
    const auto found = waiting.find(line.id);
    if (found == waiting.end()) {
      not_comparable(first, second, "the item lists differ; only the first has '" + line.id + "'");
    }
    const ItemScoreLine& other = *found->second;
    if (other.truth_sha256 != line.truth_sha256) {
      not_comparable(first, second, "the ground truth of '" + line.id + "' differs");
    }
    if (other.document != line.document) {
      not_comparable(first, second, "the document of '" + line.id + "' differs");
    }
    lines.push_back(&other);
    waiting.erase(found);
  }
  if (!waiting.empty()) {
    not_comparable(first, second,
                   "the item lists differ; only the second has '" + waiting.begin()->first + "'");
  }
  return lines;
}

bool has_metric(const ScoredRun& run, const std::string& metric) {
  if (metric != kSeconds) return run.items.front().scores.contains(metric);
  for (const ItemScoreLine& line : run.items) {
    if (!line.seconds) return false;
  }
  return true;
}

std::vector<std::string> metrics_of(const ScoredRun& run) {
  std::vector<std::string> names;
  for (const auto& [name, value] : run.items.front().scores) names.push_back(name);
  if (has_metric(run, kSeconds)) names.emplace_back(kSeconds);
  return names;
}

double metric_of(const ItemScoreLine& line, const std::string& metric) {
  return metric == kSeconds ? *line.seconds : line.scores.at(metric);
}

/// Which scores are compared: those asked for, which all runs must have, or those that all have.
std::vector<std::string> chosen_metrics(std::span<const ScoredRun* const> runs,
                                        std::span<const std::string> asked) {
  std::vector<std::string> chosen;
  const std::vector<std::string> known = metrics_of(*runs.front());
  for (const std::string& metric :
       asked.empty() ? known : std::vector(asked.begin(), asked.end())) {
    bool everywhere = true;
    for (const ScoredRun* run : runs) {
      if (has_metric(*run, metric)) continue;
      everywhere = false;
      if (asked.empty()) continue;
      std::string names;
      for (const std::string& name : metrics_of(*run)) names += (names.empty() ? "" : ", ") + name;
      throw std::runtime_error("'" + run->folder.string() + "' has no score '" + metric +
                               "', expected one of " + names);
    }
    if (everywhere) chosen.push_back(metric);
  }
  if (chosen.empty()) not_comparable(*runs.front(), *runs.back(), "they have no score in common");
  return chosen;
}

std::vector<int64_t> document_numbers(const ScoredRun& run) {
  std::map<std::string, int64_t> numbers;
  std::vector<int64_t> result;
  for (const ItemScoreLine& line : run.items) {
    result.push_back(
        numbers.try_emplace(line.document, static_cast<int64_t>(numbers.size())).first->second);
  }
  return result;
}

RunComparison compare_metrics(const ScoredRun& first, const ScoredRun& second,
                              const std::vector<std::string>& metrics,
                              const PairedOptions& options) {
  const std::vector<const ItemScoreLine*> lines = matched_lines(first, second);
  const std::vector<int64_t> documents = document_numbers(first);
  RunComparison comparison;
  for (const std::string& metric : metrics) {
    std::vector<double> before;
    std::vector<double> after;
    for (size_t i = 0; i < lines.size(); ++i) {
      before.push_back(metric_of(first.items[i], metric));
      after.push_back(metric_of(*lines[i], metric));
    }
    comparison[metric] = compare_paired(before, after, is_error_score(metric), documents, options);
  }
  return comparison;
}

/// "/runs/a/" -> "a"
std::string run_name(const ScoredRun& run) {
  const std::filesystem::path folder = run.folder.lexically_normal();
  return (folder.has_filename() ? folder : folder.parent_path()).filename().string();
}

std::string report_cell(const ScoredRun& run, const std::string& metric,
                        const PairedOptions& options) {
  std::vector<double> values;
  for (const ItemScoreLine& line : run.items) values.push_back(metric_of(line, metric));
  const MeanInterval mean = bootstrap_mean(values, options.bootstrap, document_numbers(run));
  std::ostringstream text;
  text << std::fixed << std::setprecision(3) << mean.mean << " [" << mean.low << ", " << mean.high
       << "]";
  return text.str();
}

}  // namespace

ScoredRun open_scored_run(const std::filesystem::path& folder) {
  return {folder, read_item_scores(folder)};
}

RunComparison compare_runs(const ScoredRun& first, const ScoredRun& second,
                           std::span<const std::string> metrics, const PairedOptions& options) {
  matched_lines(first, second);  // other items are a clearer error than other scores
  const std::vector<const ScoredRun*> runs{&first, &second};
  return compare_metrics(first, second, chosen_metrics(runs, metrics), options);
}

Json comparison_json(const ScoredRun& first, const ScoredRun& second,
                     const RunComparison& comparison) {
  Json metrics = Json::object();
  for (const auto& [name, result] : comparison) {
    metrics[name] = {{"difference", result.difference.mean},
                     {"low", result.difference.low},
                     {"high", result.difference.high},
                     {"p_value", result.test.p_value},
                     {"exact", result.test.exact},
                     {"effect_size", result.effect_size},
                     {"minimum_detectable_effect", result.minimum_detectable},
                     {"verdict", verdict_name(result.verdict)},
                     {"n", result.difference.n},
                     {"num_documents", result.num_groups}};
  }
  return {{"first", first.folder.string()},
          {"second", second.folder.string()},
          {"num_items", first.items.size()},
          {"metrics", metrics}};
}

std::string runs_report(std::span<const ScoredRun> runs, std::span<const std::string> metrics,
                        const PairedOptions& options) {
  if (runs.empty()) throw std::invalid_argument("report: no runs");
  std::vector<const ScoredRun*> pointers;
  for (const ScoredRun& run : runs) {
    matched_lines(runs.front(), run);
    pointers.push_back(&run);
  }
  const std::vector<std::string> chosen = chosen_metrics(pointers, metrics);
  std::ostringstream text;
  text << "| run | failed |";
  for (const std::string& metric : chosen) {
    text << " " << metric << (is_error_score(metric) ? " (less is better)" : "") << " |";
  }
  text << "\n| --- | --- |";
  for (size_t i = 0; i < chosen.size(); ++i) text << " --- |";
  text << "\n";
  for (const ScoredRun& run : runs) {
    const bool is_first = &run == &runs.front();
    RunComparison comparison;
    if (!is_first) comparison = compare_metrics(runs.front(), run, chosen, options);
    int64_t failed = 0;
    for (const ItemScoreLine& line : run.items) failed += line.error.empty() ? 0 : 1;
    text << "| " << run_name(run) << " | " << failed << " |";
    for (const std::string& metric : chosen) {
      text << " " << report_cell(run, metric, options);
      if (!is_first) text << " " << verdict_name(comparison.at(metric).verdict);
      text << " |";
    }
    text << "\n";
  }
  return text.str();
}

}  // namespace nvlm::eval
