// nvlm bench and nvlm verify, as programs.
#include <filesystem>
#include <map>
#include <sstream>

#include "common/atomic_file.h"
#include "common/json.h"
#include "experiments/ablations/suite_manifest.h"
#include "tests/cli/program.h"
#include "tests/experiments/stored_suites.h"

namespace nvlm::test {
namespace {

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("bench: a small grid, and its four files") {
  const TempDir dir;
  const std::string out = (dir / "bench").string();
  const ProgramResult result =
      nvlm("bench --size lab --variants d,x --tiles 1,2 --tile-size 56 --repeats 1 --out " + out);
  CAPTURE(result.err);
  REQUIRE(result.exit_code == 0);
  CHECK(says(result.out, "| d lab | 2 + 1 | 56 | 1 |"));
  CHECK(read_text_file(dir / "bench" / "bench.md") == result.out);
  const std::string lines = read_text_file(dir / "bench" / "bench.jsonl");
  CHECK(std::count(lines.begin(), lines.end(), '\n') == 4);
  CHECK(Json::parse(lines.substr(0, lines.find('\n'))).at("variant") == "d");
  CHECK_FALSE(says(result.out + lines, "teds"));
  CHECK_FALSE(says(result.out, "TEDS"));
  CHECK(read_json(dir / "bench" / "manifest.json").contains("processor"));
}

TEST_CASE("bench --items: what every model reads with each number of tiles") {
  const TempDir dir;
  const std::string out = (dir / "bench").string();
  const ProgramResult result = nvlm(
      "bench --size lab --variants d,x --tiles 1,2 --batch 1,2 --tile-size 56 --repeats 1 "
      "--items 2 --out " +
      out);
  CAPTURE(result.err);
  REQUIRE(result.exit_code == 0);
  CHECK(says(result.out, "| TEDS of 2 tables, 95% |"));
  std::istringstream lines(read_text_file(dir / "bench" / "bench.jsonl"));
  std::map<std::string, std::string> read;  // of a model and a number of tiles, whatever the batch
  int64_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const Json row = Json::parse(line);
    const Json& teds = row.at("teds");
    CHECK(teds.at("items") == 2);
    CHECK(teds.at("low").get<double>() >= 0.0);
    CHECK(teds.at("low") <= teds.at("mean"));
    CHECK(teds.at("mean") <= teds.at("high"));
    CHECK(teds.at("high").get<double>() <= 1.0);
    const std::string key = row.at("model").get<std::string>() + row.at("tiles").dump();
    CHECK(read.emplace(key, teds.dump()).first->second == teds.dump());
  }
  CHECK(count == 8);
  CHECK(read.size() == 4);
  const std::string csv = read_text_file(dir / "bench" / "bench.csv");
  CHECK(says(csv.substr(0, csv.find('\n')), "teds.high,teds.items,teds.low,teds.mean"));
}

TEST_CASE("bench: usage") {
  const auto refused = [](const std::string& arguments, const std::string& part) {
    const ProgramResult result = nvlm("bench " + arguments);
    CAPTURE(result.err);
    CHECK(result.exit_code == 2);
    CHECK(says(result.err, part));
  };
  refused("", "expected MODEL... or --size");
  refused("d --size lab", "not both");
  refused("--size lap", "did you mean 'lab'");
  refused("--size lab --variants q", "--variants");
  refused("--size lab --tiles 1,,2", "--tiles: '1,,2', expected values with commas");
  refused("--size lab --tiles two", "--tiles: 'two', expected a whole number");
  refused("--size lab --tile-size 60", "--tile-size: a tile of 60 pixels");
  refused("--size lab --repeats 0", "--repeats is 0");
  refused("--size lab --items -1", "--items is -1");
}

TEST_CASE("verify: the same, different, and nothing to verify") {
  const TempDir dir;
  const auto folder = dir / "tags";
  write_made_suite(folder, tile_tags_suite());
  CHECK(nvlm("verify").exit_code == 2);
  const ProgramResult unsealed = nvlm("verify " + folder.string());
  CHECK(unsealed.exit_code == 1);
  CHECK(says(unsealed.err, "manifest.json"));
  experiments::write_suite_manifest(folder);
  const ProgramResult same = nvlm("verify " + folder.string());
  CHECK(same.exit_code == 0);
  CHECK_FALSE(says(same.out, "different"));
  const auto rows = folder / "none" / "1d" / "seed-1" / "rows.jsonl";
  std::string text = read_text_file(rows);
  text.replace(text.find("\"token_accuracy\":0."), 19, "\"token_accuracy\":1e-");
  write_file_atomically(rows, text);
  const ProgramResult changed = nvlm("verify " + folder.string());
  CHECK(changed.exit_code == 1);
  CHECK(says(changed.out, "different  hash of none/1d/seed-1/rows.jsonl"));
  CHECK(says(changed.out, "different  none/1d: mean"));
}

TEST_CASE("verify: the results that this repository stores") {
  const auto results = std::filesystem::path(NVLM_SOURCE_DIR) / "docs/results/comparison";
  int num_suites = 0;
  for (const auto& entry : std::filesystem::directory_iterator(results)) {
    if (!std::filesystem::exists(entry.path() / "suite.json")) continue;
    const ProgramResult result = nvlm("verify " + entry.path().string());
    CAPTURE(result.out);
    CHECK(result.exit_code == 0);
    ++num_suites;
  }
  CHECK(num_suites > 0);
}

}  // namespace
}  // namespace nvlm::test
