#include "experiments/ablations/suite_results.h"

#include <algorithm>
#include <iomanip>
#include <numeric>
#include <sstream>
#include <stdexcept>

#include "eval/statistics/holm.h"

namespace nvlm::experiments {
namespace {

double average(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// The mean over runs of a number that `of` takes from each.
template <class Of>
double average_of(const std::vector<const StoredRun*>& runs, const Of& of) {
  double total = 0.0;
  for (const StoredRun* run : runs) total += static_cast<double>(of(run->summary));
  return total / static_cast<double>(runs.size());
}

std::vector<double> metric_values(const StoredRun& run, const std::string& metric) {
  std::vector<double> values;
  for (const ItemRow& row : run.rows) values.push_back(metric_of(row, metric));
  return values;
}

/// [seeds][items]
std::vector<std::vector<double>> values_of_arm(const StoredSuite& stored,
                                               const std::string& matching,
                                               const std::string& arm) {
  std::vector<std::vector<double>> values;
  for (const StoredRun* run : runs_of(stored, matching, arm)) {
    values.push_back(metric_values(*run, stored.suite.metric));
  }
  return values;
}

/// One number per item, equal for items of one group.
std::vector<int64_t> group_numbers(const StoredRun& run) {
  std::map<std::string, int64_t> numbers;
  std::vector<int64_t> result;
  for (const ItemRow& row : run.rows) {
    result.push_back(
        numbers.try_emplace(row.group, static_cast<int64_t>(numbers.size())).first->second);
  }
  return result;
}

ArmResult evaluate_arm(const StoredSuite& stored, const SuiteArm& arm) {
  const std::vector<const StoredRun*> runs = runs_of(stored, arm.matching, arm.arm);
  ArmResult result;
  result.arm = arm;
  double tokens = 0.0;
  for (const StoredRun* run : runs) {
    result.seed_means.push_back(mean_metric(run->rows, stored.suite.metric));
    result.seed_latencies.push_back(run->summary.answer.latency_seconds);
    for (const ItemRow& row : run->rows) tokens += static_cast<double>(row.tokens);
  }
  result.headline = eval::student_mean(result.seed_means);
  result.answer_tokens = tokens / static_cast<double>(runs.size() * runs.front()->rows.size());
  using Run = RunSummary;
  result.samples = average_of(runs, [](const Run& run) { return run.samples; });
  result.train_flops = average_of(runs, [](const Run& run) { return run.train_flops; });
  result.trainable_parameters =
      average_of(runs, [](const Run& run) { return run.trainable_parameters; });
  result.train_seconds = average_of(runs, [](const Run& run) { return run.train_seconds; });
  for (double AnswerCost::*cost :
       {&AnswerCost::tiles, &AnswerCost::sequence, &AnswerCost::memory, &AnswerCost::encode_flops,
        &AnswerCost::prefill_flops, &AnswerCost::decode_flops, &AnswerCost::latency_seconds}) {
    result.answer.*cost = average_of(runs, [&](const Run& run) { return run.answer.*cost; });
  }
  return result;
}

ComparisonResult test_comparison(const StoredSuite& stored, const SuiteComparison& planned) {
  ComparisonResult result;
  result.planned = planned;
  for (const SuiteArm& arm : stored.suite.arms) {
    if (arm.matching != planned.matching) continue;
    if (arm.arm == planned.baseline) result.baseline_label = arm.label;
    if (arm.arm == planned.arm) result.arm_label = arm.label;
  }
  const auto baseline = values_of_arm(stored, planned.matching, planned.baseline);
  const auto arm = values_of_arm(stored, planned.matching, planned.arm);
  for (size_t seed = 0; seed < arm.size(); ++seed) {
    result.difference +=
        (average(arm[seed]) - average(baseline[seed])) / static_cast<double>(arm.size());
  }
  const std::vector<int64_t> groups = group_numbers(stored.runs.front());
  const bool has_groups = *std::max_element(groups.begin(), groups.end()) > 0;
  if (arm.size() >= 2 && has_groups) {
    result.test = eval::crossed_difference(baseline, arm, groups);
  }
  return result;
}

void adjust_for_suite(const Suite& suite, double effect, std::vector<ComparisonResult>& results) {
  std::vector<double> p_values;
  for (const ComparisonResult& result : results) {
    if (result.test) p_values.push_back(result.test->p_value);
  }
  const std::vector<double> adjusted = eval::holm_adjusted(p_values);
  size_t next = 0;
  for (ComparisonResult& result : results) {
    if (result.test) {
      result.adjusted_p = adjusted[next++];
      result.verdict =
          eval::verdict_of(result.difference, result.adjusted_p, suite.smaller_is_better);
    }
    result.too_weak = result.verdict == eval::PairedVerdict::kNotDistinguishable &&
                      (!result.test || result.test->minimum_detectable > effect);
  }
}

}  // namespace

double effect_of_interest(const std::string& metric) {
  if (metric == "teds" || metric == "token_accuracy") return 0.02;
  if (metric == "nll") return 0.05;
  throw std::invalid_argument("effect of interest: no metric '" + metric +
                              "', expected teds, token_accuracy or nll");
}

SuiteResults evaluate_suite(const StoredSuite& stored) {
  SuiteResults results;
  results.suite = stored.suite;
  results.effect_of_interest = effect_of_interest(stored.suite.metric);
  for (const SuiteArm& arm : stored.suite.arms) {
    results.arms.push_back(evaluate_arm(stored, arm));
  }
  for (const SuiteComparison& planned : stored.suite.comparisons) {
    results.comparisons.push_back(test_comparison(stored, planned));
  }
  adjust_for_suite(stored.suite, results.effect_of_interest, results.comparisons);
  return results;
}

EvaluatedSuite open_suite(const std::filesystem::path& folder) {
  EvaluatedSuite suite{read_stored_suite(folder), {}};
  suite.results = evaluate_suite(suite.stored);
  return suite;
}

const ArmResult& find_arm(const SuiteResults& results, const std::string& matching,
                          const std::string& arm) {
  for (const ArmResult& result : results.arms) {
    if (result.arm.matching == matching && result.arm.arm == arm) return result;
  }
  throw std::invalid_argument("suite '" + results.suite.suite + "' has no arm '" + arm +
                              "' with matching '" + matching + "'");
}

std::string too_weak_note(const ComparisonResult& comparison, double effect_of_interest) {
  if (!comparison.too_weak) return "";
  if (!comparison.test) {
    return "too weak to tell: a test needs at least two seeds and two documents";
  }
  std::ostringstream text;
  text << std::setprecision(2) << "too weak to tell: finds differences of "
       << comparison.test->minimum_detectable << " or more, and one of " << effect_of_interest
       << " would matter";
  return text.str();
}

}  // namespace nvlm::experiments
