#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/atomic_file.h"
#include "common/json.h"
#include "eval/runner/predict.h"
#include "eval/runner/prediction_file.h"
#include "eval/runner/score.h"
#include "eval/tasks/tables_task.h"
#include "tests/eval/task_folder.h"

namespace nvlm::eval {
namespace {

const PredictOptions kQuiet{.show_progress = false};

/// Answers by turn; an answer that begins with '!' is thrown.
class ScriptedReader : public TableReader {
 public:
  explicit ScriptedReader(std::vector<std::string> answers) : answers_(std::move(answers)) {}
  std::vector<TableReading> read(std::span<const Tensor> images) override {
    std::vector<TableReading> readings;
    for (size_t i = 0; i < images.size(); ++i) {
      const std::string answer = answers_.at(num_reads++);
      if (answer.starts_with("!")) throw std::runtime_error(answer.substr(1) + "\nstack trace");
      readings.push_back({answer, std::nullopt});
    }
    return readings;
  }
  std::string name() const override { return name_value; }

  size_t num_reads = 0;
  std::string name_value = "scripted";

 private:
  std::vector<std::string> answers_;
};

std::string prediction_line(const std::string& id, const std::string& text) {
  return Json{{"id", id}, {"prediction", text}, {"seconds", 0.5}}.dump() + "\n";
}

void write_predictions(const test::TaskFolder& folder, const std::string& content) {
  std::filesystem::create_directories(folder.run());
  write_file_atomically(folder.run() / "predictions.jsonl", content);
}

}  // namespace

TEST_CASE("predict then score: a failed item is recorded and counts 0") {
  const test::TaskFolder folder;
  const TablesTask task = TablesTask::open(folder.path());
  ScriptedReader reader({test::kPlainMarkdown, "!out of \xff memory", test::kSpanMarkdown});
  const PredictSummary predicted = predict(task, reader, folder.run(), kQuiet);
  CHECK(predicted.num_items == 3);
  CHECK(predicted.num_failed == 1);

  const ScoreSummary summary = score(task, folder.run());
  CHECK(summary.num_items == 3);
  REQUIRE(summary.failures.size() == 1);
  CHECK(summary.failures[0].id == "span");
  CHECK(summary.failures[0].error == "out of \ufffd memory");
  CHECK(summary.scores.at("teds").mean == doctest::Approx((1.0 + 0.0 + 4.0 / 6.0) / 3.0));
  CHECK(summary.scores.at("teds").n == 3);
  CHECK(summary.breakdown.at("spans").at("yes").at("teds").n == 2);
  CHECK(summary.breakdown.at("spans").at("no").at("teds").mean == 1.0);
  CHECK(summary.breakdown.at("size").at("1-25 cells").at("grits_content").n == 3);
  CHECK(summary.scores.at("cer").mean == doctest::Approx(1.0 / 3.0));
  CHECK(summary.scores.at("exact_match").mean == doctest::Approx(2.0 / 3.0));
  CHECK(summary.scores.at("well_formed").mean == doctest::Approx(2.0 / 3.0));
  CHECK(summary.scores.at("seconds").n == 2);

  const Json scores = read_json(folder.run() / "scores.json");
  CHECK(scores.at("scores").at("teds").at("mean").get<double>() == summary.scores.at("teds").mean);
  CHECK(scores.at("num_failures") == 1);
  CHECK(scores.at("item_list_sha256") == task.item_list_sha256);
  CHECK(scores.at("truth") == "html_else_markdown");
  const std::string items = read_text_file(folder.run() / "item_scores.jsonl");
  CHECK(std::count(items.begin(), items.end(), '\n') == 3);

  const std::string before = read_text_file(folder.run() / "scores.json");
  score(task, folder.run());
  CHECK(read_text_file(folder.run() / "scores.json") == before);
}

TEST_CASE("predict: continues where it was, and drops a half-written line") {
  const test::TaskFolder folder;
  const TablesTask task = TablesTask::open(folder.path());
  const std::string first = prediction_line("plain", test::kPlainMarkdown);
  write_predictions(folder, first + R"({"id":"span","predi)");
  ScriptedReader reader({test::kSpanMarkdown, test::kSpanMarkdown});
  const PredictSummary summary = predict(task, reader, folder.run(), kQuiet);
  CHECK(summary.num_resumed == 1);
  CHECK(reader.num_reads == 2);
  CHECK(read_text_file(folder.run() / "predictions.jsonl").starts_with(first));
  CHECK(read_predictions(folder.run() / "predictions.jsonl", task).predictions.size() == 3);

  predict(task, reader, folder.run(), kQuiet);  // nothing left to do
  CHECK(reader.num_reads == 2);
}

TEST_CASE("predict: a complete last line without its newline is kept") {
  const test::TaskFolder folder;
  const TablesTask task = TablesTask::open(folder.path());
  std::string first = prediction_line("plain", "x");
  first.pop_back();
  write_predictions(folder, first);
  ScriptedReader reader({"y", "z"});
  predict(task, reader, folder.run(), kQuiet);
  CHECK(reader.num_reads == 2);
  CHECK(read_predictions(folder.run() / "predictions.jsonl", task).predictions.size() == 3);
}

TEST_CASE("predict: batches, and the limit") {
  const test::TaskFolder folder;
  const TablesTask task = TablesTask::open(folder.path());
  ScriptedReader reader({"a", "!no", "a", "!no"});  // the batch fails, then one by one
  PredictOptions options = kQuiet;
  options.batch_size = 2;
  options.limit = 2;
  const PredictSummary summary = predict(task, reader, folder.run(), options);
  CHECK(summary.num_items == 2);
  CHECK(summary.num_failed == 1);
  CHECK(reader.num_reads == 4);
  CHECK(score(task, folder.run()).num_items == 3);
  CHECK(score(task, folder.run()).failures.size() == 2);  // failed; without a prediction
  const ScoreSummary partial = score(task, folder.run(), {.predicted_only = true});
  CHECK(partial.num_items == 2);
  CHECK(partial.num_skipped == 1);
  CHECK(partial.flagged.at("without_table") == std::vector<std::string>{"plain"});
  options.batch_size = 0;
  CHECK_THROWS_AS(predict(task, reader, folder.run(), options), std::invalid_argument);
}

TEST_CASE("predict: refuses the folder of another reader") {
  const test::TaskFolder folder;
  const TablesTask task = TablesTask::open(folder.path());
  ScriptedReader reader({"a", "b", "c"});
  predict(task, reader, folder.run(), kQuiet);
  reader.name_value = "another";
  CHECK_THROWS_WITH_AS(predict(task, reader, folder.run(), kQuiet),
                       doctest::Contains("choose another folder"), std::runtime_error);
}

TEST_CASE("score: errors of the predictions file") {
  const test::TaskFolder folder;
  const TablesTask task = TablesTask::open(folder.path());
  CHECK_THROWS_WITH_AS(score(task, folder.run()), doctest::Contains("predict first"),
                       std::runtime_error);
  const std::string good = prediction_line("plain", "x");
  const std::map<std::string, const char*> cases = {
      {"", "no predictions"},
      {prediction_line("who", "x"), "predictions.jsonl:1: the id 'who' is not among the 3 items"},
      {good + good, "predictions.jsonl:2: the id 'plain' was predicted before"},
      {good + R"({"id":"sp)", "last line is not complete"},
      {"nonsense\n" + good, "predictions.jsonl:1: not valid JSON"},
      {R"({"id":"plain","seconds":1})", "'prediction' is missing"},
      {R"({"id":"plain","prediction":"x","seconds":-1})", "expected 0 or more"}};
  for (const auto& [content, expected] : cases) {
    CAPTURE(content);
    write_predictions(folder, content);
    CHECK_THROWS_WITH_AS(score(task, folder.run()), doctest::Contains(expected),
                         std::runtime_error);
  }
  CHECK(!std::filesystem::exists(folder.run() / "scores.json"));
}

TEST_CASE("predictions: members that we do not know are ignored") {
  const test::TaskFolder folder;
  const TablesTask task = TablesTask::open(folder.path());
  write_predictions(
      folder, R"({"id":"plain","prediction":"x","seconds":1,"cells":[{"row":0,"probability":0.5}]})"
              "\n");
  CHECK(score(task, folder.run()).num_items == 3);
}

TEST_CASE("score: tables of 500 x 500 cells take bounded time and say that they are bounds") {
  const test::TaskFolder folder;
  const auto large_table = [](int factor) {
    std::string text;
    for (int row = 0; row < 500; ++row) {
      text += "|";
      for (int column = 0; column < 500; ++column) {
        text += " " + std::to_string((row * 500 + column) * factor % 9973) + " |";
      }
      text += "\n";
      if (row > 0) continue;
      text += "|";
      for (int column = 0; column < 500; ++column) text += " --- |";
      text += "\n";
    }
    return text;
  };
  const std::string table = large_table(31);
  folder.write("plain.md", table);
  folder.write("index.jsonl", R"({"id":"plain","image":"a.png","md":"plain.md"})");
  const TablesTask task = TablesTask::open(folder.path());
  std::string other = table;
  other[2] = '7';
  write_predictions(folder, prediction_line("plain", other));
  const ScoreSummary summary = score(task, folder.run());
  CHECK(summary.failures.empty());
  CHECK(summary.flagged.at("bounded") == std::vector<std::string>{"plain"});
  CHECK(summary.scores.at("grits_content").mean > 0.99);
  CHECK(summary.scores.at("teds").mean > 0.99);
  write_predictions(folder, prediction_line("plain", large_table(37)));
  const ScoreSummary different = score(task, folder.run());
  CHECK(different.failures.empty());
  CHECK(different.scores.at("teds_structure").mean == doctest::Approx(1.0));
  CHECK(different.scores.at("cer").mean > 0.1);
}

/// A task whose scores are not finite.
struct BrokenTask : Task {
  std::string name() const override { return "broken"; }
  std::string main_score() const override { return "anls"; }
  size_t num_items() const override { return 1; }
  const TaskItem& item(size_t) const override { return only; }
  ItemScores score(size_t, const std::string&) const override {
    return {{{"anls", std::nan("")}}, {}};
  }
  std::map<std::string, double> failed_scores(size_t) const override { return {{"anls", 0.0}}; }
  TaskItem only{"plain", "a.png", "d", "", "hash", {}};
};

TEST_CASE("score: a score that is no number makes the item fail") {
  const test::TaskFolder folder;
  write_predictions(folder, prediction_line("plain", "x"));
  const ScoreSummary summary = score(BrokenTask(), folder.run());
  REQUIRE(summary.failures.size() == 1);
  CHECK(summary.failures[0].error.find("'anls' is not finite") != std::string::npos);
  CHECK(summary.scores.at("anls").mean == 0.0);
}

TEST_CASE("score: a bomb as prediction is one failure, not the end") {
  const test::TaskFolder folder;
  const TablesTask task = TablesTask::open(folder.path());
  std::string bomb;
  for (int i = 0; i < 1'000'000; ++i) bomb += "<b>";
  bomb = "<table><tr><td>" + bomb;
  write_predictions(folder, prediction_line("plain", bomb) + prediction_line("span", "x"));
  const ScoreSummary summary = score(task, folder.run());
  REQUIRE(summary.failures.size() == 2);
  CHECK(summary.failures[0].error.find("nested deeper") != std::string::npos);
  CHECK(summary.failures[1].error == "no prediction");
  CHECK(summary.flagged.at("without_table") == std::vector<std::string>{"span"});
}

}  // namespace nvlm::eval
