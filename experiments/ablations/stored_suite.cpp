#include "experiments/ablations/stored_suite.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>
#include <utility>

#include "common/atomic_file.h"
#include "common/hash.h"
#include "common/json.h"
#include "eval/text/lines.h"

namespace nvlm::experiments {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kSuiteMatchings = {"samples", "parameters", "flops", "none"};
const std::vector<std::string> kSuiteMetrics = {"teds", "token_accuracy", "nll"};

std::string listed(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

[[noreturn]] void throw_bad_field(const std::string& where, const std::string& key,
                                  const std::string& found, const std::string& expected) {
  throw std::runtime_error(where + ": '" + key + "' is " + found + ", expected " + expected);
}

std::string get_word(const Json& object, const char* key, const std::string& where,
                     const std::vector<std::string>& words) {
  auto word = json_get<std::string>(object, key, where);
  if (std::find(words.begin(), words.end(), word) == words.end()) {
    throw_bad_field(where, key, "'" + word + "'", "one of " + listed(words));
  }
  return word;
}

/// A name that becomes a folder.
std::string get_folder_name(const Json& object, const char* key, const std::string& where) {
  auto name = json_get<std::string>(object, key, where);
  if (name.empty() || name.front() == '.' || name.find_first_of("/\\\n") != std::string::npos) {
    throw_bad_field(where, key, "'" + name + "'", "a name without '/' that begins with no '.'");
  }
  return name;
}

/// A finite number from `low` to `high`.
double get_number(const Json& object, const char* key, const std::string& where, double low,
                  double high) {
  const auto value = json_get<double>(object, key, where);
  if (!std::isfinite(value) || value < low || value > high) {
    throw_bad_field(where, key, Json(value).dump(),
                    "a number from " + Json(low).dump() +
                        (std::isinf(high) ? " on" : " to " + Json(high).dump()));
  }
  return value;
}

double get_amount(const Json& object, const char* key, const std::string& where) {
  return get_number(object, key, where, 0.0, HUGE_VAL);
}

int64_t get_count(const Json& object, const char* key, const std::string& where, int64_t low = 0) {
  const auto value = json_get<int64_t>(object, key, where);
  if (value < low) {
    throw_bad_field(where, key, std::to_string(value), "at least " + std::to_string(low));
  }
  return value;
}

Json arm_json(const SuiteArm& arm) {
  return {{"matching", arm.matching},
          {"arm", arm.arm},
          {"label", arm.label},
          {"options", arm.options},
          {"planned",
           {{"steps", arm.planned.steps},
            {"samples", arm.planned.samples},
            {"train_flops", arm.planned.train_flops},
            {"trainable_parameters", arm.planned.trainable_parameters},
            {"seconds", arm.planned.seconds}}}};
}

SuiteArm parse_arm(const Json& entry, const std::string& where) {
  SuiteArm arm;
  arm.matching = get_word(entry, "matching", where, kSuiteMatchings);
  arm.arm = get_folder_name(entry, "arm", where);
  arm.label = json_get<std::string>(entry, "label", where);
  const auto options = json_get<Json>(entry, "options", where);
  if (!options.is_object()) throw_bad_field(where, "options", options.dump(), "an object");
  for (const auto& [name, value] : options.items()) {
    arm.options[name] = json_get<std::string>(options, name, where + ": options");
  }
  const auto planned = json_get<Json>(entry, "planned", where);
  const std::string of_planned = where + ": planned";
  arm.planned.steps = get_count(planned, "steps", of_planned);
  arm.planned.samples = get_count(planned, "samples", of_planned);
  arm.planned.train_flops = get_amount(planned, "train_flops", of_planned);
  arm.planned.trainable_parameters = get_count(planned, "trainable_parameters", of_planned);
  arm.planned.seconds = get_amount(planned, "seconds", of_planned);
  return arm;
}

bool has_arm(const Suite& suite, const std::string& matching, const std::string& name) {
  return std::any_of(suite.arms.begin(), suite.arms.end(), [&](const SuiteArm& arm) {
    return arm.matching == matching && arm.arm == name;
  });
}

SuiteComparison parse_comparison(const Json& entry, const Suite& suite, const std::string& where) {
  SuiteComparison comparison;
  comparison.matching = get_word(entry, "matching", where, kSuiteMatchings);
  comparison.baseline = json_get<std::string>(entry, "baseline", where);
  comparison.arm = json_get<std::string>(entry, "arm", where);
  for (const std::string& name : {comparison.baseline, comparison.arm}) {
    if (has_arm(suite, comparison.matching, name)) continue;
    throw std::runtime_error(where + ": no arm '" + name + "' with matching '" +
                             comparison.matching + "'");
  }
  if (comparison.baseline == comparison.arm) {
    throw_bad_field(where, "arm", "'" + comparison.arm + "'", "another arm than the baseline");
  }
  return comparison;
}

/// The list at `key`, which may not be empty.
Json get_list(const Json& object, const char* key, const std::string& where) {
  auto list = json_get<Json>(object, key, where);
  if (!list.is_array() || list.empty()) {
    throw_bad_field(where, key, list.dump().substr(0, 60), "a list with at least one entry");
  }
  return list;
}

std::string entry_name(const std::string& where, const char* key, size_t index) {
  return where + ": " + key + "[" + std::to_string(index) + "]";
}

Json answer_json(const AnswerCost& answer) {
  return {{"tiles", answer.tiles},
          {"sequence", answer.sequence},
          {"memory", answer.memory},
          {"encode_flops", answer.encode_flops},
          {"prefill_flops", answer.prefill_flops},
          {"decode_flops", answer.decode_flops},
          {"latency_seconds", answer.latency_seconds}};
}

AnswerCost parse_answer(const Json& entry, const std::string& where) {
  return {get_amount(entry, "tiles", where),          get_amount(entry, "sequence", where),
          get_amount(entry, "memory", where),         get_amount(entry, "encode_flops", where),
          get_amount(entry, "prefill_flops", where),  get_amount(entry, "decode_flops", where),
          get_amount(entry, "latency_seconds", where)};
}

Json summary_json(const RunSummary& run) {
  Json entry{{"run", run_name(run)},
             {"suite", run.suite},
             {"matching", run.matching},
             {"arm", run.arm},
             {"seed", run.seed},
             {"revision", run.revision},
             {"items", run.items_hash},
             {"config", run.config_hash},
             {"weights", run.weights_hash},
             {"data", run.data},
             {"steps", run.steps},
             {"samples", run.samples},
             {"train_flops", run.train_flops},
             {"trainable_parameters", run.trainable_parameters},
             {"total_parameters", run.total_parameters},
             {"train_seconds", run.train_seconds},
             {"eval_seconds", run.eval_seconds},
             {"answer", answer_json(run.answer)},
             {"headline", {{"metric", run.headline_metric}, {"mean", run.headline_mean}}}};
  if (!run.gates.empty()) entry["gates"] = run.gates;
  return entry;
}

RunSummary parse_summary(const Json& entry, const std::string& where) {
  RunSummary run;
  run.suite = json_get<std::string>(entry, "suite", where);
  run.matching = get_word(entry, "matching", where, kSuiteMatchings);
  run.arm = get_folder_name(entry, "arm", where);
  run.seed = json_get<int64_t>(entry, "seed", where);
  run.revision = json_get<std::string>(entry, "revision", where);
  run.items_hash = json_get<std::string>(entry, "items", where);
  run.config_hash = json_get<std::string>(entry, "config", where);
  run.weights_hash = json_get<std::string>(entry, "weights", where);
  run.data = json_get<std::string>(entry, "data", where);
  run.steps = get_count(entry, "steps", where);
  run.samples = get_count(entry, "samples", where);
  run.train_flops = get_amount(entry, "train_flops", where);
  run.trainable_parameters = get_count(entry, "trainable_parameters", where);
  run.total_parameters = get_count(entry, "total_parameters", where);
  run.train_seconds = get_amount(entry, "train_seconds", where);
  run.eval_seconds = get_amount(entry, "eval_seconds", where);
  run.answer = parse_answer(json_get<Json>(entry, "answer", where), where + ": answer");
  const auto gates = json_get_or<Json>(entry, "gates", Json::object(), where);
  if (!gates.is_object()) throw_bad_field(where, "gates", gates.dump(), "an object");
  for (const auto& [name, value] : gates.items()) {
    run.gates[name] = get_number(gates, name.c_str(), where + ": gates", -1.0, 1.0);
  }
  const auto headline = json_get<Json>(entry, "headline", where);
  const std::string of_headline = where + ": headline";
  run.headline_metric = get_word(headline, "metric", of_headline, kSuiteMetrics);
  run.headline_mean = get_amount(headline, "mean", of_headline);
  const auto name = json_get<std::string>(entry, "run", where);
  if (name != run_name(run)) throw_bad_field(where, "run", "'" + name + "'", run_name(run));
  return run;
}

Json row_json(const ItemRow& row) {
  Json entry{{"item", row.item},
             {"group", row.group},
             {"tiles", row.tiles},
             {"glyph_height", row.glyph_height},
             {"tokens", row.tokens},
             {"nll", row.nll},
             {"token_accuracy", row.token_accuracy}};
  if (row.teds) entry["teds"] = *row.teds;
  return entry;
}

ItemRow parse_row(const Json& entry, const std::string& where) {
  ItemRow row;
  row.item = json_get<std::string>(entry, "item", where);
  row.group = json_get<std::string>(entry, "group", where);
  row.tiles = get_count(entry, "tiles", where);
  row.glyph_height = get_amount(entry, "glyph_height", where);
  row.tokens = get_count(entry, "tokens", where, 1);
  row.nll = get_amount(entry, "nll", where);
  row.token_accuracy = get_number(entry, "token_accuracy", where, 0.0, 1.0);
  if (entry.contains("teds")) row.teds = get_number(entry, "teds", where, 0.0, 1.0);
  return row;
}

std::vector<ItemRow> read_rows(const fs::path& path) {
  const std::string content = read_text_file(path);
  std::vector<ItemRow> rows;
  std::set<std::string> ids;
  for (const eval::FileLine& line : eval::non_blank_lines(content)) {
    const std::string where = path.string() + ":" + std::to_string(line.number);
    ItemRow row = parse_row(parse_json(line.text, where), where);
    if (!ids.insert(row.item).second) {
      throw std::runtime_error(where + ": the item '" + row.item + "' was there before");
    }
    if (!rows.empty() && row.teds.has_value() != rows.front().teds.has_value()) {
      throw std::runtime_error(where + ": 'teds' is " + (row.teds ? "there" : "missing") +
                               ", expected it in all lines or none");
    }
    rows.push_back(std::move(row));
  }
  if (rows.empty()) throw std::runtime_error(path.string() + ": no rows");
  return rows;
}

void check_belongs(const StoredRun& run, const Suite& suite, const std::string& expected_name) {
  const std::string where = (run.folder / "run.json").string();
  if (run_name(run.summary) != expected_name) {
    throw_bad_field(where, "run", "'" + run_name(run.summary) + "'", expected_name);
  }
  const std::string of_suite = " of suite.json; runs of another kind may not be mixed in";
  if (run.summary.revision != suite.revision) {
    throw_bad_field(where, "revision", run.summary.revision, suite.revision + of_suite);
  }
  if (run.summary.items_hash != suite.items_hash) {
    throw_bad_field(where, "items", run.summary.items_hash, suite.items_hash + of_suite);
  }
  if (static_cast<int64_t>(run.rows.size()) != suite.num_items) {
    throw std::runtime_error((run.folder / "rows.jsonl").string() + ": " +
                             std::to_string(run.rows.size()) + " rows, expected the " +
                             std::to_string(suite.num_items) + of_suite);
  }
  if (run.summary.headline_metric != suite.metric) {
    throw_bad_field(where, "headline metric", run.summary.headline_metric, suite.metric + of_suite);
  }
  if (suite.metric == "teds" && !run.rows.front().teds) {
    throw std::runtime_error((run.folder / "rows.jsonl").string() +
                             ": 'teds' is missing, expected the headline metric" + of_suite);
  }
}

std::string planned_run_name(const Suite& suite, const SuiteArm& arm, int64_t seed) {
  RunSummary run;
  run.suite = suite.suite;
  run.matching = arm.matching;
  run.arm = arm.arm;
  run.seed = seed;
  return run_name(run);
}

}  // namespace

std::string run_name(const RunSummary& run) {
  return run.suite + "/" + run.matching + "/" + run.arm + "/seed-" + std::to_string(run.seed);
}

fs::path run_folder(const fs::path& suite_folder, const std::string& matching,
                    const std::string& arm, int64_t seed) {
  return suite_folder / matching / arm / ("seed-" + std::to_string(seed));
}

bool is_complete_run(const fs::path& run_folder) {
  return fs::is_regular_file(run_folder / "run.json");
}

std::string item_list_hash(std::span<const ItemRow> rows) {
  Sha256 hash;
  for (const ItemRow& row : rows) hash.update(row.item + "\t" + row.group + "\n");
  return hash.hex_digest();
}

double metric_of(const ItemRow& row, const std::string& metric) {
  if (metric == "nll") return row.nll;
  if (metric == "token_accuracy") return row.token_accuracy;
  if (metric == "teds" && row.teds) return *row.teds;
  throw std::invalid_argument("item '" + row.item + "' has no metric '" + metric +
                              "', expected one of " + listed(kSuiteMetrics));
}

double mean_metric(std::span<const ItemRow> rows, const std::string& metric) {
  double sum = 0.0;
  for (const ItemRow& row : rows) sum += metric_of(row, metric);
  return sum / static_cast<double>(rows.size());
}

void write_suite(const fs::path& folder, const Suite& suite) {
  Json comparisons = Json::array();
  for (const SuiteComparison& comparison : suite.comparisons) {
    comparisons.push_back({{"matching", comparison.matching},
                           {"baseline", comparison.baseline},
                           {"arm", comparison.arm}});
  }
  Json arms = Json::array();
  for (const SuiteArm& arm : suite.arms) arms.push_back(arm_json(arm));
  write_json(folder / "suite.json",
             {{"suite", suite.suite},
              {"preset", suite.preset},
              {"question", suite.question},
              {"revision", suite.revision},
              {"metric", suite.metric},
              {"smaller_is_better", suite.smaller_is_better},
              {"seeds", suite.seeds},
              {"items", {{"hash", suite.items_hash}, {"count", suite.num_items}}},
              {"comparisons", comparisons},
              {"arms", arms}});
}

Suite read_suite(const fs::path& folder) {
  const fs::path path = folder / "suite.json";
  if (!fs::is_directory(folder)) throw std::runtime_error("no folder '" + folder.string() + "'");
  if (!fs::is_regular_file(path)) {
    throw std::runtime_error("'" + folder.string() + "' holds no suite" +
                             (fs::is_empty(folder) ? ", it is empty" : ": no suite.json") +
                             "; run `nvlm ablate` first");
  }
  const Json file = read_json(path);
  const std::string where = path.string();
  Suite suite;
  suite.suite = get_folder_name(file, "suite", where);
  suite.preset = json_get<std::string>(file, "preset", where);
  suite.question = json_get<std::string>(file, "question", where);
  suite.revision = json_get<std::string>(file, "revision", where);
  suite.metric = get_word(file, "metric", where, kSuiteMetrics);
  suite.smaller_is_better = json_get<bool>(file, "smaller_is_better", where);
  if (suite.smaller_is_better != (suite.metric == "nll")) {
    throw_bad_field(where, "smaller_is_better", suite.smaller_is_better ? "true" : "false",
                    "the opposite for the metric " + suite.metric);
  }
  get_list(file, "seeds", where);
  suite.seeds = json_get<std::vector<int64_t>>(file, "seeds", where);
  const std::set<int64_t> distinct(suite.seeds.begin(), suite.seeds.end());
  if (distinct.size() != suite.seeds.size()) {
    throw_bad_field(where, "seeds", file["seeds"].dump(), "no seed twice");
  }
  const auto items = json_get<Json>(file, "items", where);
  suite.items_hash = json_get<std::string>(items, "hash", where + ": items");
  suite.num_items = get_count(items, "count", where + ": items", 1);
  const Json arms = get_list(file, "arms", where);
  for (size_t i = 0; i < arms.size(); ++i) {
    SuiteArm arm = parse_arm(arms[i], entry_name(where, "arms", i));
    if (has_arm(suite, arm.matching, arm.arm)) {
      throw std::runtime_error(entry_name(where, "arms", i) + ": the arm '" + arm.arm +
                               "' with matching '" + arm.matching + "' was there before");
    }
    suite.arms.push_back(std::move(arm));
  }
  const auto comparisons = json_get<Json>(file, "comparisons", where);
  if (!comparisons.is_array()) {
    throw_bad_field(where, "comparisons", comparisons.dump().substr(0, 60), "a list");
  }
  for (size_t i = 0; i < comparisons.size(); ++i) {
    suite.comparisons.push_back(
        parse_comparison(comparisons[i], suite, entry_name(where, "comparisons", i)));
  }
  return suite;
}

void write_run(const fs::path& folder, const RunSummary& run, std::span<const ItemRow> rows) {
  if (const std::string hash = item_list_hash(rows); hash != run.items_hash) {
    throw std::invalid_argument("run '" + run_name(run) + "': its rows are of the item list " +
                                hash + ", expected " + run.items_hash);
  }
  std::string lines;
  for (const ItemRow& row : rows) lines += row_json(row).dump() + "\n";
  write_file_atomically(folder / "rows.jsonl", lines);
  write_json(folder / "run.json", summary_json(run));
}

StoredRun read_run(const fs::path& folder) {
  StoredRun run;
  run.folder = folder;
  const fs::path path = folder / "run.json";
  run.summary = parse_summary(read_json(path), path.string());
  run.rows = read_rows(folder / "rows.jsonl");
  if (const std::string hash = item_list_hash(run.rows); hash != run.summary.items_hash) {
    throw std::runtime_error((folder / "rows.jsonl").string() + ": the item list is " + hash +
                             ", expected " + run.summary.items_hash + " of run.json");
  }
  return run;
}

std::vector<std::string> missing_runs(const fs::path& folder, const Suite& suite) {
  std::vector<std::string> missing;
  for (const SuiteArm& arm : suite.arms) {
    for (const int64_t seed : suite.seeds) {
      if (is_complete_run(run_folder(folder, arm.matching, arm.arm, seed))) continue;
      missing.push_back(planned_run_name(suite, arm, seed));
    }
  }
  return missing;
}

StoredSuite read_stored_suite(const fs::path& folder) {
  StoredSuite stored{folder, read_suite(folder), {}};
  const std::vector<std::string> missing = missing_runs(folder, stored.suite);
  if (!missing.empty()) {
    throw std::runtime_error("'" + folder.string() + "' lacks " + std::to_string(missing.size()) +
                             " of " +
                             std::to_string(stored.suite.arms.size() * stored.suite.seeds.size()) +
                             " runs (no run.json): " + listed(missing) +
                             "; the same `nvlm ablate` command again continues there");
  }
  for (const SuiteArm& arm : stored.suite.arms) {
    for (const int64_t seed : stored.suite.seeds) {
      StoredRun run = read_run(run_folder(folder, arm.matching, arm.arm, seed));
      check_belongs(run, stored.suite, planned_run_name(stored.suite, arm, seed));
      stored.runs.push_back(std::move(run));
    }
  }
  return stored;
}

std::vector<const StoredRun*> runs_of(const StoredSuite& stored, const std::string& matching,
                                      const std::string& arm) {
  std::vector<const StoredRun*> runs;
  for (const StoredRun& run : stored.runs) {
    if (run.summary.matching == matching && run.summary.arm == arm) runs.push_back(&run);
  }
  return runs;
}

}  // namespace nvlm::experiments
