// nvlm eval compare, nvlm eval report: runs side by side.
#include <iomanip>
#include <iostream>
#include <sstream>

#include "cli/eval_verbs.h"
#include "cli/options.h"
#include "common/atomic_file.h"
#include "common/error.h"
#include "eval/runner/compare.h"

namespace nvlm::cli {
namespace {

/// Options that both verbs have.
struct CompareOptions {
  std::vector<std::string> metrics;
  eval::PairedOptions paired;
};

void add_compare_options(VerbOptions& options, CompareOptions& values) {
  options.add()("metric", po::value(&values.metrics)->composing(),
                "a score to compare; may be given several times; default: all that the runs share")(
      "resamples", po::value(&values.paired.bootstrap.resamples)->default_value(2000),
      "of the bootstrap")(
      "permutations", po::value(&values.paired.permutation.permutations)->default_value(10000),
      "of the permutation test; exact where there are no more sign patterns than that");
  options.positional("run");
}

std::vector<eval::ScoredRun> open_runs(const po::variables_map& values) {
  std::vector<eval::ScoredRun> runs;
  for (const std::string& folder : values["run"].as<std::vector<std::string>>()) {
    runs.push_back(eval::open_scored_run(folder));
  }
  return runs;
}

void require_counts(const CompareOptions& values) {
  const int64_t resamples = values.paired.bootstrap.resamples;
  const int64_t permutations = values.paired.permutation.permutations;
  if (resamples >= 1 && resamples <= 10'000'000 && permutations >= 1 &&
      permutations <= 100'000'000) {
    return;
  }
  throw UsageError("--resamples and --permutations: expected 1 to 10000000 and 1 to 100000000");
}

void print_comparison(const eval::RunComparison& comparison) {
  std::cout << std::fixed << std::setprecision(4) << std::left << std::setw(18) << "score"
            << std::setw(12) << "difference" << std::setw(22) << "95% interval" << std::setw(10)
            << "p" << std::setw(10) << "effect" << std::setw(12) << "detectable"
            << "verdict on the second\n";
  for (const auto& [name, result] : comparison) {
    std::ostringstream interval;
    interval << std::fixed << std::setprecision(4) << "[" << result.difference.low << ", "
             << result.difference.high << "]";
    std::cout << std::setw(18) << name << std::setw(12) << result.difference.mean << std::setw(22)
              << interval.str() << std::setw(10) << result.test.p_value << std::setw(10)
              << result.effect_size << std::setw(12) << result.minimum_detectable
              << eval::verdict_name(result.verdict) << "\n";
  }
}

}  // namespace

int run_eval_compare(const Arguments& arguments) {
  CompareOptions values;
  bool as_json = false;
  VerbOptions options(
      "eval compare A B [options]",
      "Compares two scored runs of the same items, B against A, from their item_scores.jsonl "
      "alone: paired bootstrap interval and sign-flip permutation test by document, effect size in "
      "standard deviations, the smallest difference that 80% of such comparisons would find, and a "
      "verdict: better or worse only if the interval leaves 0 out and p < 0.05.",
      "nvlm eval compare runs/easy-7-d runs/easy-7-h --metric teds");
  options.add()("json", po::bool_switch(&as_json), "print JSON");
  add_compare_options(options, values);
  const auto parsed = options.parse(arguments);
  if (!parsed) return 0;
  const size_t num_runs = (*parsed)["run"].as<std::vector<std::string>>().size();
  if (num_runs != 2) {
    throw UsageError("eval compare: expected two runs, found " + std::to_string(num_runs));
  }
  require_counts(values);

  const std::vector<eval::ScoredRun> runs = open_runs(*parsed);
  const eval::RunComparison comparison =
      eval::compare_runs(runs[0], runs[1], values.metrics, values.paired);
  if (as_json) {
    std::cout << eval::comparison_json(runs[0], runs[1], comparison).dump(2) << "\n";
  } else {
    std::cout << runs[1].folder.string() << " against " << runs[0].folder.string() << ", "
              << runs[0].items.size() << " items\n";
    print_comparison(comparison);
  }
  return 0;
}

int run_eval_report(const Arguments& arguments) {
  CompareOptions values;
  std::string out;
  VerbOptions options("eval report RUN... [options]",
                      "Writes a Markdown table of scored runs of the same items: means with 95% "
                      "bootstrap intervals, and verdicts against the first run.",
                      "nvlm eval report runs/easy-7-rules runs/easy-7-d runs/easy-7-h --metric "
                      "teds --metric cer");
  options.add()("out,o", po::value(&out), "file to write; default: stdout");
  add_compare_options(options, values);
  const auto parsed = options.parse(arguments);
  if (!parsed) return 0;
  if ((*parsed)["run"].as<std::vector<std::string>>().empty()) {
    throw UsageError("eval report: expected at least one run");
  }
  require_counts(values);

  const std::string report = eval::runs_report(open_runs(*parsed), values.metrics, values.paired);
  if (out.empty()) {
    std::cout << report;
  } else {
    write_file_atomically(out, report);
  }
  return 0;
}

}  // namespace nvlm::cli
