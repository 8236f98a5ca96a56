#include <doctest/doctest.h>

#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/atomic_file.h"
#include "eval/runner/compare.h"
#include "eval/table/gfm_parser.h"
#include "tests/support/temp_dir.h"

namespace nvlm::eval {
namespace {

ItemScoreLine score_line(const std::string& id, double teds) {
  ItemScoreLine line;
  line.id = id;
  line.document = id;
  line.truth_sha256 = "truth of " + id;
  line.scores = {{"teds", teds}, {"cer", 1.0 - teds}};
  line.seconds = 0.25;
  return line;
}

/// Thirty items whose TEDS is `teds`, but for a little that differs by item.
std::vector<ItemScoreLine> thirty_items(double teds) {
  std::vector<ItemScoreLine> lines;
  for (int i = 0; i < 30; ++i) {
    lines.push_back(score_line("item" + std::to_string(i), teds + 0.001 * (i % 7)));
  }
  return lines;
}

class RunFolders {
 public:
  std::filesystem::path write(const std::string& name,
                              const std::vector<ItemScoreLine>& lines) const {
    std::string content;
    for (const ItemScoreLine& line : lines) content += item_score_json(line).dump() + "\n";
    return write_text(name, content);
  }
  std::filesystem::path write_text(const std::string& name, const std::string& content) const {
    std::filesystem::create_directories(folder_ / name);
    write_file_atomically(folder_ / name / "item_scores.jsonl", content);
    return folder_ / name;
  }

 private:
  test::TempDir folder_;
};

}  // namespace

TEST_CASE("compare: from two files alone, with the direction of each score") {
  const RunFolders folders;
  const ScoredRun first = open_scored_run(folders.write("a", thirty_items(0.5)));
  std::vector<ItemScoreLine> better = thirty_items(0.6);
  std::swap(better.front(), better.back());  // the order of the lines does not matter
  const ScoredRun second = open_scored_run(folders.write("b", better));
  const RunComparison comparison = compare_runs(first, second);
  CHECK(comparison.size() == 3);
  CHECK(comparison.at("teds").verdict == PairedVerdict::kBetter);
  CHECK(comparison.at("cer").verdict == PairedVerdict::kBetter);
  CHECK(comparison.at("cer").difference.mean == doctest::Approx(-0.1));
  CHECK(comparison.at("seconds").verdict == PairedVerdict::kNotDistinguishable);
  CHECK(compare_runs(second, first).at("teds").verdict == PairedVerdict::kWorse);
  const std::vector<std::string> teds{"teds"};
  CHECK(compare_runs(first, second, teds).size() == 1);
  const Json json = comparison_json(first, second, comparison);
  CHECK(json.at("metrics").at("teds").at("verdict") == "better");
  CHECK(json.at("num_items") == 30);
  const std::vector<std::string> unknown{"tedz"};
  CHECK_THROWS_WITH_AS(compare_runs(first, second, unknown),
                       doctest::Contains("no score 'tedz', expected one of cer, teds, seconds"),
                       std::runtime_error);
}

TEST_CASE("compare: refuses other items, other truth, other documents") {
  const RunFolders folders;
  const ScoredRun base = open_scored_run(folders.write("a", thirty_items(0.5)));
  std::vector<ItemScoreLine> lines = thirty_items(0.5);
  lines.pop_back();
  const ScoredRun shorter = open_scored_run(folders.write("b", lines));
  CHECK_THROWS_WITH_AS(compare_runs(base, shorter),
                       doctest::Contains("only the first has 'item29'"), std::runtime_error);
  CHECK_THROWS_WITH_AS(compare_runs(shorter, base),
                       doctest::Contains("only the second has 'item29'"), std::runtime_error);
  lines = thirty_items(0.5);
  lines[3].truth_sha256 = "other";
  CHECK_THROWS_WITH_AS(compare_runs(base, open_scored_run(folders.write("c", lines))),
                       doctest::Contains("the ground truth of 'item3' differs"),
                       std::runtime_error);
  lines = thirty_items(0.5);
  lines[3].document = "other";
  CHECK_THROWS_WITH_AS(compare_runs(base, open_scored_run(folders.write("d", lines))),
                       doctest::Contains("the document of 'item3' differs"), std::runtime_error);
}

TEST_CASE("item scores: a file that cannot be used says where and why") {
  const RunFolders folders;
  const std::string good = item_score_json(score_line("x", 0.5)).dump() + "\n";
  const std::map<std::string, const char*> cases = {
      {"", "no items"},
      {"{", "item_scores.jsonl:1: not valid JSON"},
      {good + good, "item_scores.jsonl:2: the id 'x' was used before"},
      {R"({"id":"x","teds":0.5})", "'document' is missing"},
      {R"({"id":"x","document":"x","truth_sha256":"t","scores":{"teds":null}})",
       "the score 'teds' is null, expected a finite number"},
      {R"({"id":"x","document":"x","truth_sha256":"t","scores":{"teds":1e999}})", "not valid"},
      {R"({"id":"x","document":"x","truth_sha256":"t","scores":{}})", "'scores' holds none"},
      {good + R"({"id":"y","document":"y","truth_sha256":"t","scores":{"anls":1}})",
       "item_scores.jsonl:2: other scores than in the first line"}};
  for (const auto& [content, expected] : cases) {
    CAPTURE(content);
    const std::filesystem::path folder = folders.write_text("run", content);
    CHECK_THROWS_WITH_AS(open_scored_run(folder), doctest::Contains(expected), std::runtime_error);
  }
  CHECK_THROWS_WITH_AS(open_scored_run("/nowhere"), doctest::Contains("score the run first"),
                       std::runtime_error);
}

TEST_CASE("report: one row per run, verdicts against the first") {
  const RunFolders folders;
  std::vector<ItemScoreLine> failed = thirty_items(0.4);
  failed[0].error = "no prediction";
  const std::vector<ScoredRun> runs{open_scored_run(folders.write("base", thirty_items(0.5))),
                                    open_scored_run(folders.write("up", thirty_items(0.6))),
                                    open_scored_run(folders.write("down", failed))};
  const std::vector<std::string> metrics{"teds", "cer"};
  const std::string report = runs_report(runs, metrics);
  const auto table = parse_gfm_table(report);
  REQUIRE(table.has_value());
  CHECK(!table->is_ragged());
  const std::vector<std::string> texts = grid_texts(table->table);
  CHECK(texts[3] == "cer (less is better)");
  CHECK(texts[4] == "base");
  CHECK(texts[6].starts_with("0.503 ["));
  CHECK(texts[6].ends_with("]"));
  CHECK(texts[8] == "up");
  CHECK(texts[10].ends_with("] better"));
  CHECK(texts[11].ends_with("] better"));
  CHECK(texts[13] == "1");
  CHECK(texts[14].ends_with("] worse"));
  CHECK_THROWS_AS(runs_report({}), std::invalid_argument);
}

}  // namespace nvlm::eval
