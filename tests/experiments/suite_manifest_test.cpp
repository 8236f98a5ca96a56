// Stored results hold against their rows, and stop holding when a row is changed by hand.
#include "experiments/ablations/suite_manifest.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <stdexcept>

#include "common/atomic_file.h"
#include "tests/experiments/stored_suites.h"
#include "tests/support/temp_dir.h"

namespace nvlm::experiments {
namespace {

namespace fs = std::filesystem;

/// What differs, by name.
std::vector<std::string> differences(const fs::path& folder) {
  std::vector<std::string> names;
  for (const Verification& check : verify_suite(folder)) {
    if (!check.is_same) names.push_back(check.what);
  }
  return names;
}

bool is_among(const std::string& name, const std::vector<std::string>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Replaces the first `from` in a file.
void change(const fs::path& file, const std::string& from, const std::string& to) {
  std::string text = read_text_file(file);
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  write_file_atomically(file, text.replace(at, from.size(), to));
}

/// The value of a field in the first line of rows.jsonl, and one that is a little larger.
std::pair<std::string, std::string> changed_field(const fs::path& rows, const std::string& field) {
  const std::string text = read_text_file(rows);
  const Json line = Json::parse(text.substr(0, text.find('\n')));
  const std::string key = "\"" + field + "\":";
  const double value = line.at(field).get<double>();
  return {key + line.at(field).dump(), key + Json(value * 0.5 + 0.001).dump()};
}

TEST_CASE("verify: a suite as it was stored, and with a row changed by hand") {
  const test::TempDir dir;
  const fs::path folder = dir / "suite";
  write_made_suite(folder, test::fusion_suite());
  CHECK_THROWS_AS(verify_suite(folder), std::runtime_error);  // no manifest.json yet
  write_suite_manifest(folder);
  CHECK(differences(folder).empty());
  const size_t num_checks = verify_suite(folder).size();
  CHECK(num_checks > 50);

  const fs::path rows = folder / "samples" / "x" / "seed-2" / "rows.jsonl";
  const std::string original = read_text_file(rows);
  const auto [from, to] = changed_field(rows, "token_accuracy");
  change(rows, from, to);
  const std::vector<std::string> changed = differences(folder);
  CHECK(is_among("hash of samples/x/seed-2/rows.jsonl", changed));
  CHECK(is_among("fusion/samples/x/seed-2: mean token_accuracy", changed));
  CHECK(is_among("samples/x: mean", changed));
  CHECK(is_among("samples/x against samples/d: difference", changed));
  CHECK_FALSE(is_among("samples/h: mean", changed));

  // A field that no headline depends on is noticed by its hash.
  write_file_atomically(rows, original);
  CHECK(differences(folder).empty());
  const auto [nll, other_nll] = changed_field(rows, "nll");
  change(rows, nll, other_nll);
  CHECK(differences(folder) == std::vector<std::string>{"hash of samples/x/seed-2/rows.jsonl"});
}

TEST_CASE("verify: headlines and hashes that were changed instead of rows") {
  const test::TempDir dir;
  const fs::path folder = dir / "suite";
  write_made_suite(folder, test::tile_tags_suite());
  write_suite_manifest(folder);
  Json manifest = read_json(folder / "manifest.json");
  manifest["results"]["none/1d: mean"] = 0.99;
  manifest["files"]["none/1d/seed-9/rows.jsonl"] = "0";
  write_file_atomically(folder / "manifest.json", manifest.dump());
  CHECK(differences(folder) ==
        std::vector<std::string>{"hash of none/1d/seed-9/rows.jsonl", "none/1d: mean"});
  write_file_atomically(folder / "manifest.json", "{}");
  CHECK_THROWS_AS(verify_suite(folder), std::runtime_error);
}

}  // namespace
}  // namespace nvlm::experiments
