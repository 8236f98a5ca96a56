// Stored suites: what is written is read, and what is wrong is refused and named.
#include "experiments/ablations/stored_suite.h"

#include <doctest/doctest.h>

#include <fstream>
#include <functional>
#include <sstream>
#include <stdexcept>

#include "common/atomic_file.h"
#include "common/json.h"
#include "experiments/ablations/metrics_lines.h"
#include "tests/experiments/stored_suites.h"
#include "tests/support/temp_dir.h"

namespace nvlm::experiments {
namespace {

namespace fs = std::filesystem;
using test::MadeSuite;
using test::TempDir;

MadeSuite two_arms() {
  MadeSuite made;
  made.num_items = 8;
  made.seeds = {1, 2};
  made.arms = {{"samples", "d", "NVLM-D", 0.0, {{"fusion.variant", "d"}}},
               {"samples", "x", "NVLM-X", 0.1, {{"fusion.variant", "x"}}}};
  made.comparisons = {{"samples", "d", "x"}};
  return made;
}

std::string error_of(const fs::path& folder) {
  try {
    read_stored_suite(folder);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

void check_error(const fs::path& folder, const std::vector<std::string>& parts) {
  const std::string error = error_of(folder);
  CAPTURE(error);
  for (const std::string& part : parts) {
    CAPTURE(part);
    CHECK(error.find(part) != std::string::npos);
  }
}

/// The error of the suite in `folder` while `edit` has changed one of its files, which then is as
/// it was.
void check_error_with(const fs::path& folder, const fs::path& file,
                      const std::function<void(Json&)>& edit,
                      const std::vector<std::string>& parts) {
  const std::string original = read_text_file(file);
  Json value = parse_json(original, file.string());
  edit(value);
  std::ofstream(file) << value.dump();
  check_error(folder, parts);
  std::ofstream(file) << original;
}

}  // namespace

TEST_CASE("a stored suite reads back as it was written") {
  const TempDir dir;
  write_made_suite(dir.path(), two_arms());
  const StoredSuite stored = read_stored_suite(dir.path());
  CHECK(stored.suite.suite == "fusion");
  CHECK(stored.suite.metric == "token_accuracy");
  CHECK(stored.suite.seeds == std::vector<int64_t>{1, 2});
  REQUIRE(stored.suite.arms.size() == 2);
  CHECK(stored.suite.arms[1].options.at("fusion.variant") == "x");
  CHECK(stored.suite.arms[1].planned.samples == 3200);
  REQUIRE(stored.runs.size() == 4);
  CHECK(run_name(stored.runs[3].summary) == "fusion/samples/x/seed-2");
  CHECK(stored.runs[3].summary.answer.tiles == 5.0);
  CHECK(runs_of(stored, "samples", "x").size() == 2);
  CHECK(runs_of(stored, "flops", "x").empty());

  // Written again, the files are the same to the byte.
  const TempDir again;
  const StoredRun& run = stored.runs[3];
  write_run(again.path(), run.summary, run.rows);
  for (const char* name : {"run.json", "rows.jsonl"}) {
    CHECK(read_text_file(again / name) == read_text_file(run.folder / name));
  }
  write_suite(again.path(), stored.suite);
  CHECK(read_text_file(again / "suite.json") == read_text_file(dir / "suite.json"));
}

TEST_CASE("a run is complete with its run.json, and rows of another list are not written") {
  const TempDir dir;
  write_made_suite(dir.path(), two_arms());
  const fs::path folder = run_folder(dir.path(), "samples", "x", 2);
  CHECK(is_complete_run(folder));
  StoredRun run = read_run(folder);
  run.rows.pop_back();
  CHECK_THROWS_AS(write_run(folder, run.summary, run.rows), std::invalid_argument);
  fs::remove(folder / "run.json");
  CHECK(!is_complete_run(folder));
  CHECK(missing_runs(dir.path(), read_suite(dir.path())) ==
        std::vector<std::string>{"fusion/samples/x/seed-2"});
  check_error(dir.path(), {"lacks 1 of 4 runs", "fusion/samples/x/seed-2", "nvlm ablate"});
}

TEST_CASE("stored suites: an empty folder and no folder are refused") {
  const TempDir dir;
  check_error(dir.path(), {dir.path().string(), "holds no suite, it is empty"});
  check_error(dir / "nowhere", {"no folder", "nowhere"});
  write_file_atomically(dir / "notes.txt", "x");
  check_error(dir.path(), {"no suite.json"});
}

TEST_CASE("stored suites: runs of another revision, items, place or metric are refused") {
  const TempDir dir;
  write_made_suite(dir.path(), two_arms());
  const fs::path run_file = run_folder(dir.path(), "samples", "d", 2) / "run.json";
  const auto broken = [&](const std::function<void(Json&)>& edit,
                          const std::vector<std::string>& parts) {
    check_error_with(dir.path(), run_file, edit, parts);
  };
  const std::string where = "samples/d/seed-2/run.json";
  broken([](Json& run) { run["revision"] = "feedbeef"; },
         {where, "'revision' is feedbeef", "expected 0123456789abcdef"});
  broken([](Json& run) { run["seed"] = 3; }, {where, "'run'", "seed-3"});
  broken([](Json& run) { run["items"] = "abc"; }, {"rows.jsonl", "expected abc"});
  broken([](Json& run) { run["headline"]["metric"] = "nll"; }, {where, "headline metric"});
  broken(
      [](Json& run) {
        run["arm"] = "x";
        run["run"] = "fusion/samples/x/seed-2";
      },
      {where, "expected fusion/samples/d/seed-2"});

  // Another item list, consistent in itself.
  StoredRun run = read_run(run_folder(dir.path(), "samples", "d", 2));
  run.rows.back().item = "another";
  run.summary.items_hash = item_list_hash(run.rows);
  write_run(run.folder, run.summary, run.rows);
  check_error(dir.path(), {where, "'items' is " + run.summary.items_hash, "of suite.json"});
}

TEST_CASE("stored suites: fields of suite.json are checked") {
  const TempDir dir;
  write_made_suite(dir.path(), two_arms());
  const auto broken = [&](const std::function<void(Json&)>& edit,
                          const std::vector<std::string>& parts) {
    check_error_with(dir.path(), dir / "suite.json", edit, parts);
  };
  broken([](Json& suite) { suite.erase("metric"); }, {"suite.json", "'metric' is missing"});
  broken([](Json& suite) { suite["metric"] = "bleu"; }, {"'bleu'", "teds, token_accuracy, nll"});
  broken([](Json& suite) { suite["smaller_is_better"] = true; }, {"smaller_is_better"});
  broken([](Json& suite) { suite["suite"] = "../fusion"; }, {"'suite' is '../fusion'"});
  broken([](Json& suite) { suite["seeds"] = Json::array(); }, {"'seeds' is []"});
  broken([](Json& suite) { suite["seeds"] = {1, 1}; }, {"no seed twice"});
  broken([](Json& suite) { suite["seeds"] = {1, "2"}; }, {"'seeds'"});
  broken([](Json& suite) { suite["arms"] = Json::array(); }, {"'arms' is []"});
  broken([](Json& suite) { suite["arms"][1]["arm"] = "d"; }, {"arms[1]", "was there before"});
  broken([](Json& suite) { suite["arms"][1]["arm"] = "a/b"; }, {"arms[1]", "'a/b'"});
  broken([](Json& suite) { suite["arms"][0]["matching"] = "luck"; }, {"arms[0]", "'luck'"});
  broken([](Json& suite) { suite["arms"][0]["planned"]["steps"] = -1; }, {"arms[0]", "'steps'"});
  broken([](Json& suite) { suite["arms"][0]["options"] = 3; }, {"arms[0]", "'options' is 3"});
  broken([](Json& suite) { suite["comparisons"][0]["arm"] = "h"; },
         {"comparisons[0]", "no arm 'h' with matching 'samples'"});
  broken([](Json& suite) { suite["comparisons"][0]["arm"] = "d"; },
         {"comparisons[0]", "another arm than the baseline"});
  broken([](Json& suite) { suite["items"]["count"] = 9; }, {"rows.jsonl: 8 rows, expected the 9"});
}

TEST_CASE("stored suites: fields of run.json and rows are checked") {
  const TempDir dir;
  write_made_suite(dir.path(), two_arms());
  const fs::path folder = run_folder(dir.path(), "samples", "d", 1);
  const auto broken_run = [&](const char* field, const Json& value, const std::string& part) {
    check_error_with(dir.path(), folder / "run.json", [&](Json& run) { run[field] = value; },
                     {"samples/d/seed-1/run.json", field, part});
  };
  broken_run("steps", -1, "at least 0");
  broken_run("train_flops", nullptr, "a number");
  broken_run("answer", Json::object(), "'tiles' is missing");
  broken_run("gates", {{"0.attention", 1.5}}, "from -1.0 to 1.0");
  broken_run("run", "fusion/samples/d/seed-9", "expected fusion/samples/d/seed-1");

  const std::string rows = read_text_file(folder / "rows.jsonl");
  const auto broken_row = [&](const std::function<void(Json&)>& edit, const std::string& part) {
    std::istringstream lines(rows);
    std::ofstream file(folder / "rows.jsonl");
    for (std::string line; std::getline(lines, line);) {
      Json row = parse_json(line, "a row");
      if (row["item"] == "table-2") edit(row);
      file << row.dump() << "\n";
    }
    file.close();
    check_error(dir.path(), {"rows.jsonl:3", part});
  };
  broken_row([](Json& row) { row["token_accuracy"] = 1.5; }, "'token_accuracy' is 1.5");
  broken_row([](Json& row) { row["nll"] = nullptr; }, "'nll'");
  broken_row([](Json& row) { row["tokens"] = 0; }, "'tokens' is 0, expected at least 1");
  broken_row([](Json& row) { row["item"] = "table-1"; }, "was there before");
  broken_row([](Json& row) { row.erase("teds"); }, "'teds' is missing, expected it in all");
  write_file_atomically(folder / "rows.jsonl", "");
  check_error(dir.path(), {"rows.jsonl: no rows"});
  write_file_atomically(folder / "rows.jsonl", "{\"item\": \"a\"\n");
  check_error(dir.path(), {"rows.jsonl:1"});
}

TEST_CASE("metrics: numbers of each line; no file is no lines") {
  const TempDir dir;
  CHECK(read_metrics(dir.path()).empty());
  write_file_atomically(
      dir / "metrics.jsonl",
      "{\"step\": 1, \"samples\": 16, \"loss\": 2.5, \"validation\": {\"a\": 1}}\n");
  const std::vector<MetricsLine> lines = read_metrics(dir.path());
  REQUIRE(lines.size() == 1);
  CHECK(lines[0] == MetricsLine{{"step", 1.0}, {"samples", 16.0}, {"loss", 2.5}});
  write_file_atomically(dir / "metrics.jsonl", "{\"step\": 1}\n");
  CHECK_THROWS_WITH_AS(read_metrics(dir.path()), doctest::Contains("metrics.jsonl:1: 'samples'"),
                       std::runtime_error);
}

}  // namespace nvlm::experiments
