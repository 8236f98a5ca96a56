// The stored results of a suite of ablations: what was planned, and per run its summary and the
// scores of its items. Everything that is compared, plotted or reported is read from here.
//
//   <folder>/suite.json                                what was planned
//   <folder>/<matching>/<arm>/seed-<n>/run.json        one run; written last, so that it marks the
//                                                      run as complete
//   <folder>/<matching>/<arm>/seed-<n>/rows.jsonl      one line per held-out item
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace nvlm::experiments {

/// What an arm was planned to cost, per seed.
struct PlannedCost {
  int64_t steps = 0;
  int64_t samples = 0;
  double train_flops = 0.0;
  int64_t trainable_parameters = 0;
  double seconds = 0.0;  // expected, 0 = not estimated
};

/// One way of doing it, trained once per seed.
struct SuiteArm {
  std::string matching;                        // "samples", "parameters", "flops" or "none"
  std::string arm;                             // "d"; unique within its matching
  std::string label;                           // "NVLM-D"
  std::map<std::string, std::string> options;  // "fusion.variant" -> "d"
  PlannedCost planned;
};

/// A question asked before the runs: is `arm` better than `baseline`?
struct SuiteComparison {
  std::string matching, baseline, arm;
};

/// suite.json
struct Suite {
  std::string suite;     // "fusion"
  std::string preset;    // "lab-quick"
  std::string question;  // one sentence
  std::string revision;  // of the program; "unknown" outside a checkout
  std::string metric;    // the headline metric: "teds", "token_accuracy" or "nll"
  bool smaller_is_better = false;
  std::vector<int64_t> seeds;
  std::string items_hash;  // item_list_hash of the rows of every run
  int64_t num_items = 0;
  std::vector<SuiteComparison> comparisons;
  std::vector<SuiteArm> arms;
};

/// What answering one item costs, averaged over the items.
struct AnswerCost {
  double tiles = 0.0;
  double sequence = 0.0;  // tokens before the answer, pictures included
  double memory = 0.0;    // tokens that cross-attention reads
  double encode_flops = 0.0, prefill_flops = 0.0;
  double decode_flops = 0.0;     // per generated token
  double latency_seconds = 0.0;  // picture to complete answer
};

/// run.json without what its folder says (suite, matching, arm and seed are checked against it).
struct RunSummary {
  std::string suite, matching, arm;
  int64_t seed = 0;
  std::string revision, items_hash;
  std::string config_hash, weights_hash;  // SHA-256 of config.ini and of the final weights
  std::string data;                       // SHA-256 or name of what the training data came from
  int64_t steps = 0, samples = 0;
  double train_flops = 0.0;
  int64_t trainable_parameters = 0, total_parameters = 0;
  double train_seconds = 0.0, eval_seconds = 0.0;
  AnswerCost answer;
  std::map<std::string, double> gates;  // "<block>.attention", "<block>.ffn" -> final tanh(gate)
  std::string headline_metric;
  double headline_mean = 0.0;
};

/// One line of rows.jsonl.
struct ItemRow {
  std::string item, group;    // group: the document; items of one are not independent
  int64_t tiles = 0;          // 0 without a picture
  double glyph_height = 0.0;  // pixels of the print on the picture; 0 without
  int64_t tokens = 0;         // of the answer
  double nll = 0.0;           // mean nats per answer token, teacher-forced
  double token_accuracy = 0.0;
  std::optional<double> teds;  // of the greedy answer, where the preset decodes
};

struct StoredRun {
  std::filesystem::path folder;
  RunSummary summary;
  std::vector<ItemRow> rows;
};

/// A suite with all its runs. Every run has the same items in the same order.
struct StoredSuite {
  std::filesystem::path folder;
  Suite suite;
  std::vector<StoredRun> runs;  // arm by arm in the order of suite.arms, seeds in theirs
};

/// "<suite>/<matching>/<arm>/seed-<n>": what a run is called.
std::string run_name(const RunSummary& run);

/// <suite_folder>/<matching>/<arm>/seed-<n>
std::filesystem::path run_folder(const std::filesystem::path& suite_folder,
                                 const std::string& matching, const std::string& arm, int64_t seed);

/// Whether the run is done, that is, has its run.json.
bool is_complete_run(const std::filesystem::path& run_folder);

/// SHA-256 of the lines "<item>\t<group>\n" in order: rows of two runs may be paired by position
/// only if these agree.
std::string item_list_hash(std::span<const ItemRow> rows);

/// The value of `metric` in `row`: "teds", "token_accuracy" or "nll".
/// throws  std::invalid_argument for another name, or teds where the row has none
double metric_of(const ItemRow& row, const std::string& metric);

/// The mean of metric_of() over a run's rows, at least one. throws  as metric_of
double mean_metric(std::span<const ItemRow> rows, const std::string& metric);

/// Writes suite.json atomically. `folder` must exist.
/// throws  std::runtime_error with the path
void write_suite(const std::filesystem::path& folder, const Suite& suite);

/// throws  std::runtime_error with file, field, what was expected and what is there: the folder or
///         file is missing, a field is missing or of another type, an unknown metric, no seed or
///         arm, a seed or an arm twice, a comparison of an arm that the suite lacks, a name that
///         could leave the folder
Suite read_suite(const std::filesystem::path& folder);

/// Writes rows.jsonl and then run.json, each atomically. `folder` must exist.
/// throws  std::runtime_error with the path; std::invalid_argument if the rows' hash is not
///         run.items_hash
void write_run(const std::filesystem::path& folder, const RunSummary& run,
               std::span<const ItemRow> rows);

/// Reads run.json and rows.jsonl of one run.
/// throws  std::runtime_error with file (and line), field, expected, found; also if the rows are
///         not those that `items` in run.json names
StoredRun read_run(const std::filesystem::path& folder);

/// The runs that suite.json plans and the folder lacks, as "<suite>/<matching>/<arm>/seed-<n>".
std::vector<std::string> missing_runs(const std::filesystem::path& folder, const Suite& suite);

/// Reads a suite and all its runs.
/// throws  std::runtime_error as read_suite and read_run; also, naming the run and both values: a
///         run that is missing (all of them are listed), lies in the folder of another, or is of
///         another revision or item list than suite.json says
StoredSuite read_stored_suite(const std::filesystem::path& folder);

/// The runs of one arm, in the order of the seeds; none if the suite lacks the arm.
std::vector<const StoredRun*> runs_of(const StoredSuite& stored, const std::string& matching,
                                      const std::string& arm);

}  // namespace nvlm::experiments
