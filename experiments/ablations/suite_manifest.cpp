#include "experiments/ablations/suite_manifest.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "common/atomic_file.h"
#include "common/hash.h"
#include "common/manifest.h"
#include "experiments/ablations/suite_results.h"

namespace nvlm::experiments {
namespace {

namespace fs = std::filesystem;

std::string shortest(double value) { return Json(value).dump(); }

/// Name -> number, in a fixed order.
using HeadlineNumbers = std::vector<std::pair<std::string, double>>;

HeadlineNumbers headline_numbers(const SuiteResults& results) {
  HeadlineNumbers numbers;
  for (const ArmResult& arm : results.arms) {
    const std::string name = arm.arm.matching + "/" + arm.arm.arm + ": ";
    numbers.emplace_back(name + "mean", arm.headline.mean);
    numbers.emplace_back(name + "low", arm.headline.low);
    numbers.emplace_back(name + "high", arm.headline.high);
  }
  for (const ComparisonResult& comparison : results.comparisons) {
    const SuiteComparison& planned = comparison.planned;
    const std::string name = planned.matching + "/" + planned.arm + " against " + planned.matching +
                             "/" + planned.baseline + ": ";
    numbers.emplace_back(name + "difference", comparison.difference);
    numbers.emplace_back(name + "adjusted p", comparison.adjusted_p);
    if (!comparison.test) continue;
    numbers.emplace_back(name + "low", comparison.test->low);
    numbers.emplace_back(name + "high", comparison.test->high);
  }
  return numbers;
}

/// Of the whole suite, relative to its folder.
std::vector<fs::path> vouched_files(const StoredSuite& stored) {
  std::vector<fs::path> files = {"suite.json"};
  for (const StoredRun& run : stored.runs) {
    for (const char* name : {"config.ini", "run.json", "rows.jsonl"}) {
      const fs::path file = run.folder / name;
      if (fs::exists(file)) files.push_back(fs::relative(file, stored.folder));
    }
  }
  return files;
}

bool is_close(double stored, double derived) {
  return std::abs(stored - derived) <=
         kVerifyTolerance * std::max({1.0, std::abs(stored), std::abs(derived)});
}

Verification same_text(std::string what, const std::string& stored, const std::string& derived) {
  return {std::move(what), stored, derived, stored == derived};
}

void verify_hashes(const Json& files, const StoredSuite& stored,
                   std::vector<Verification>& checks) {
  std::vector<std::string> present;
  for (const fs::path& file : vouched_files(stored)) {
    const std::string name = file.generic_string();
    present.push_back(name);
    checks.push_back(same_text("hash of " + name, files.value(name, std::string("none")),
                               sha256_file(stored.folder / file)));
  }
  for (const auto& [name, hash] : files.items()) {
    if (std::find(present.begin(), present.end(), name) == present.end()) {
      checks.push_back({"hash of " + name, hash.get<std::string>(), "no such file", false});
    }
  }
}

/// What each run says of itself.
void verify_runs(const StoredSuite& stored, std::vector<Verification>& checks) {
  for (const StoredRun& run : stored.runs) {
    const RunSummary& summary = run.summary;
    const double mean = mean_metric(run.rows, summary.headline_metric);
    checks.push_back({run_name(summary) + ": mean " + summary.headline_metric,
                      shortest(summary.headline_mean), shortest(mean),
                      is_close(summary.headline_mean, mean)});
    const auto hash_of = [&](const char* what, const fs::path& file, const std::string& said) {
      if (!fs::exists(file)) return;
      checks.push_back(same_text(run_name(summary) + ": " + what, said, sha256_file(file)));
    };
    hash_of("configuration", run.folder / "config.ini", summary.config_hash);
    hash_of("weights", run.folder / "checkpoints" / "latest" / "model.safetensors",
            summary.weights_hash);
  }
}

}  // namespace

void write_suite_manifest(const fs::path& folder) {
  const EvaluatedSuite suite = open_suite(folder);
  Json manifest = {{"revision", source_revision()},
                   {"libraries", library_versions()},
                   {"files", Json::object()},
                   {"results", Json::object()}};
  for (const fs::path& file : vouched_files(suite.stored)) {
    manifest["files"][file.generic_string()] = sha256_file(folder / file);
  }
  for (const auto& [name, value] : headline_numbers(suite.results)) {
    manifest["results"][name] = value;
  }
  write_file_atomically(folder / "manifest.json", manifest.dump(1) + "\n");
}

std::vector<Verification> verify_suite(const fs::path& folder) {
  const fs::path path = folder / "manifest.json";
  const Json manifest = read_json(path);
  if (!manifest.contains("files") || !manifest["files"].is_object() ||
      !manifest.contains("results") || !manifest["results"].is_object()) {
    throw std::runtime_error(path.string() + ": expected the objects 'files' and 'results'");
  }
  const EvaluatedSuite suite = open_suite(folder);
  std::vector<Verification> checks;
  verify_hashes(manifest["files"], suite.stored, checks);
  verify_runs(suite.stored, checks);
  for (const auto& [name, derived] : headline_numbers(suite.results)) {
    const Json stored = manifest["results"].value(name, Json());
    checks.push_back({name, stored.dump(), shortest(derived),
                      stored.is_number() && is_close(stored.get<double>(), derived)});
  }
  return checks;
}

}  // namespace nvlm::experiments
