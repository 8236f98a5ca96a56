#include <doctest/doctest.h>

#include <filesystem>
#include <stdexcept>
#include <string>

#include "common/atomic_file.h"
#include "common/json.h"
#include "eval/runner/confidence.h"
#include "eval/runner/predict.h"
#include "eval/runner/prediction_file.h"
#include "tests/eval/task_folder.h"

namespace nvlm::eval {
namespace {

/// Reads "| a | x |" over "| 1 | 2 |", of which only the x is wrong, and is sure of some cells.
struct SureReader : TableReader {
  std::vector<TableReading> read(std::span<const Tensor> images) override {
    Table table{2, 2, {}};
    const char* texts[] = {"a", "x", "1", "2"};
    for (int64_t i = 0; i < 4; ++i) {
      table.cells.push_back({texts[i], i / 2, i % 2, 1, 1, i < 2, {}, {}});
    }
    table.cells[0].probability = 0.9;
    table.cells[1].probability = 0.2;
    table.cells[2].probability = 0.6;
    const std::string text = "| a | x |\n| --- | --- |\n| 1 | 2 |";
    return std::vector<TableReading>(images.size(), {text, table});
  }
  std::string name() const override { return "sure"; }
};

void write_line(const test::TaskFolder& folder, const std::string& id, const Json& probabilities) {
  std::filesystem::create_directories(folder.run());
  write_file_atomically(folder.run() / "predictions.jsonl",
                        Json{{"id", id},
                             {"prediction", test::kPlainMarkdown},
                             {"seconds", 0},
                             {"cell_probabilities", probabilities}}
                                .dump() +
                            "\n");
}

}  // namespace

TEST_CASE("confidence: probabilities go through the predictions file to the report") {
  const test::TaskFolder folder;
  const TablesTask task = TablesTask::open(folder.path());
  SureReader reader;
  predict(task, reader, folder.run(), {.limit = 1, .show_progress = false});
  const PredictionFile file = read_predictions(folder.run() / "predictions.jsonl", task);
  REQUIRE(file.predictions.size() == 1);
  const auto& probabilities = file.predictions[0].cell_probabilities;
  REQUIRE(probabilities.size() == 4);
  CHECK(probabilities[0] == 0.9);
  CHECK_FALSE(probabilities[3].has_value());

  const ConfidenceReport report = measure_confidence(task, folder.run());
  CHECK(report.num_tables == 1);
  CHECK(report.num_cells == 3);
  CHECK(report.num_correct == 2);
  CHECK(report.probability.roc_auc == 1.0);
  CHECK_FALSE(report.verified.has_value());
  CHECK(read_json(folder.run() / "confidence.json").at("probability").at("roc_auc") == 1.0);
  CHECK(
      read_text_file(folder.run() / "coverage_risk.csv").starts_with("threshold,coverage,risk\n"));

  // An independent reader that sees the wrong word and none of the right ones.
  const ConfidenceReport verified = measure_confidence(
      task, folder.run(), [](const Tensor&) { return std::vector<std::string>{"x"}; });
  REQUIRE(verified.verified.has_value());
  CHECK(verified.verified->roc_auc == 0.0);  // 0.45 and 0.3 against 0.6
}

TEST_CASE("confidence: what cannot be judged is refused") {
  const test::TaskFolder folder;
  const TablesTask task = TablesTask::open(folder.path());
  const auto refused = [&](const char* message) {
    CHECK_THROWS_WITH_AS(measure_confidence(task, folder.run()), doctest::Contains(message),
                         std::runtime_error);
  };
  write_line(folder, "plain", Json::array());
  refused("no cell probabilities");
  write_line(folder, "plain", {0.5, 0.5});
  refused("'plain' has 2 cell probabilities for a table of 4 cells");
  write_line(folder, "plain", {0.5, 0.5, 1.5, 0.5});
  refused("'cell_probabilities' holds 1.5, expected numbers from 0 to 1 or null");
  write_line(folder, "plain", {0.5, 0.5, "high", 0.5});
  refused("'cell_probabilities' holds \"high\"");
  write_line(folder, "who", {0.5});
  refused("the id 'who'");
  write_line(folder, "plain", {0.5, 0.5, 0.5, 0.5});
  CHECK_THROWS_WITH_AS(measure_confidence(task, folder.run()),
                       doctest::Contains("all 4 answers are correct"), std::invalid_argument);
}

}  // namespace nvlm::eval
