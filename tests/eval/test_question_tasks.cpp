#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <stdexcept>
#include <string>

#include "eval/runner/predict.h"
#include "eval/runner/score.h"
#include "eval/tasks/ocr_task.h"
#include "eval/tasks/question_layouts.h"
#include "tests/eval/task_folder.h"

namespace nvlm::eval {
namespace {

const QuestionLayout& layout_of(const std::string& name) {
  for (const QuestionLayout& layout : question_layouts()) {
    if (name == layout.name) return layout;
  }
  throw std::logic_error("no layout " + name);
}

/// Writes the annotations of layout `name` as `file` and opens them.
QuestionTask open_task(const test::TaskFolder& folder, const std::string& name,
                       const std::string& file, const std::string& content) {
  folder.write(file, content);
  return open_question_task(layout_of(name), folder.path() / file, "");
}

double score_of(const QuestionTask& task, size_t index, const std::string& answer,
                const char* metric) {
  return task.score(index, answer).values.at(metric);
}

}  // namespace

TEST_CASE("docvqa: ids, documents, prompt, ANLS") {
  const test::TaskFolder folder;
  const QuestionTask task = open_task(folder, "docvqa", "val.json", R"({"data":[
    {"questionId":7,"question":"Total?","image":"a.png","docId":3,"answers":["$ 5","five"]},
    {"questionId":8,"question":"Who?","image":"a.png","docId":3,"answers":["Ada Lovelace"]}]})");
  REQUIRE(task.items.size() == 2);
  CHECK(task.items[0].id == "7");
  CHECK(task.items[0].document == "3");
  CHECK(task.items[0].question ==
        "Total?\nAnswer the question using a single word, phrase, or number.");
  CHECK(score_of(task, 0, "Five", "anls") == 1.0);
  CHECK(score_of(task, 1, "ada lovelac", "anls") == doctest::Approx(11.0 / 12.0));
  CHECK(score_of(task, 1, "ada lovelac", "exact_match") == 0.0);
  CHECK(task.failed_scores(0).at("anls") == 0.0);
}

TEST_CASE("textvqa, chartqa: their members and metrics") {
  const test::TaskFolder folder;
  folder.write("p.jpg", test::kPngPixel);
  const QuestionTask text = open_task(folder, "textvqa", "val.json", R"({"data":[
    {"question_id":1,"question":"brand?","image_id":"p",
     "answers":["nokia","nokia","Nokia","nokia","x","x","x","x","x","x"]}]})");
  CHECK(score_of(text, 0, "Nokia.", "vqa_accuracy") == 1.0);
  const QuestionTask chart = open_task(folder, "chartqa", "human.json", R"([
    {"imgname":"a.png","query":"How much?","label":"20"},
    {"imgname":"a.png","query":"Which?","label":"Blue"}])");
  CHECK(chart.items[1].id == "a.png#1");
  CHECK(chart.items[0].question == "How much?\nAnswer the question using a single word or phrase.");
  CHECK(score_of(chart, 0, "20.9", "relaxed_accuracy") == 1.0);
  CHECK(score_of(chart, 1, "blue", "relaxed_accuracy") == 1.0);
}

TEST_CASE("ai2d, realworldqa: letters of choices") {
  const test::TaskFolder folder;
  std::filesystem::create_directories(folder.path() / "questions");
  folder.write("questions/a.png.json", R"({"imageName":"a.png","questions":{"What is it?":
    {"questionId":"a-0","answerTexts":["cat","dog"],"correctAnswer":1}}})");
  const QuestionTask task = open_question_task(layout_of("ai2d"), folder.path(), "");
  REQUIRE(task.items.size() == 1);
  CHECK(task.items[0].question ==
        "What is it?\nA. cat\nB. dog\nAnswer with the option's letter from the given choices "
        "directly.");
  CHECK(score_of(task, 0, "(B)", "choice_accuracy") == 1.0);
  CHECK(score_of(task, 0, "A", "choice_accuracy") == 0.0);
  folder.write("questions/a.png.json", R"({"imageName":"a.png","questions":{"What is it?":
    {"questionId":"a-0","answerTexts":["cat","dog"],"correctAnswer":2}}})");
  CHECK_THROWS_WITH_AS(open_question_task(layout_of("ai2d"), folder.path(), ""),
                       doctest::Contains("'correctAnswer' is 2 of 2 options"), std::runtime_error);
  const QuestionTask world = open_task(folder, "realworldqa", "annotations.json",
                                       R"([{"image":"a.png","question":"Which?","answer":"A"}])");
  CHECK(score_of(world, 0, "a", "choice_accuracy") == 1.0);
}

TEST_CASE("ocrbench: containment, formulas, groups by type") {
  const test::TaskFolder folder;
  const QuestionTask task = open_task(folder, "ocrbench", "OCRBench.json", R"([
    {"dataset_name":"IIIT5K","type":"Regular Text","question":"What?","answers":"CENTRE",
     "image_path":"a.png"},
    {"dataset_name":"HME100k","type":"Formula","question":"?","answers":["x^2"],
     "image_path":"a.png"}])");
  CHECK(task.items[0].id == "0");
  CHECK(task.items[0].groups.at("type") == "Regular Text");
  CHECK(score_of(task, 0, "It says centre.", "contains_answer") == 1.0);
  CHECK(score_of(task, 1, "X ^ 2", "contains_answer") == 0.0);
  CHECK(score_of(task, 1, "= x ^ 2", "contains_answer") == 1.0);
}

TEST_CASE("llava: every turn is a question, in a list or line by line") {
  const test::TaskFolder folder;
  const std::string entry = R"({"id":"q","image":"a.png","conversations":[
    {"from":"human","value":"<image>\nWhat?"},{"from":"gpt","value":"A cat."},
    {"from":"human","value":"Sure?"},{"from":"gpt","value":"Yes."}]})";
  const QuestionTask task = open_task(folder, "llava", "chat.json", "[" + entry + "]");
  REQUIRE(task.items.size() == 2);
  CHECK(task.items[0].id == "q/0");
  CHECK(task.items[0].question == "What?");
  CHECK(task.items[1].document == "q");
  std::string line = entry;
  std::erase(line, '\n');
  CHECK(open_task(folder, "llava", "chat.jsonl", line + "\n").item_list_sha256 ==
        task.item_list_sha256);
  CHECK_THROWS_WITH_AS(
      open_task(folder, "llava", "bad.json", R"([{"id":"q","image":"a.png","conversations":
        [{"from":"gpt","value":"x"},{"from":"human","value":"y"}]}])"),
      doctest::Contains("expected 'human' and 'gpt' in turn"), std::runtime_error);
}

TEST_CASE("question tasks: what is missing is named, with where it comes from") {
  const test::TaskFolder folder;
  for (const QuestionLayout& layout : question_layouts()) {
    CAPTURE(layout.name);
    CHECK_THROWS_WITH_AS(open_question_task(layout, folder.path() / "none.json", ""),
                         doctest::Contains(layout.wanted), std::runtime_error);
  }
  const auto error_with = [&](const std::string& content, const char* expected) {
    CAPTURE(content);
    CHECK_THROWS_WITH_AS(open_task(folder, "docvqa", "val.json", content),
                         doctest::Contains(expected), std::runtime_error);
  };
  const std::string good = R"({"questionId":1,"question":"q","image":"a.png","answers":["x"]})";
  error_with("nonsense", "not valid JSON");
  error_with("{}", "'data' is missing");
  error_with("3", "no list of entries");
  error_with("[]", "no items");
  error_with("[3]", "entry 0: no JSON object");
  error_with("[" + good + "," + good + "]", "entry 1: the id '1' was used before");
  error_with(R"([{"questionId":1,"question":"q","image":"no.png","answers":["x"]}])",
             "no.png', which is no file");
  error_with(R"([{"questionId":1,"question":"q","image":"a.png"}])", "no accepted answers");
  error_with(R"([{"questionId":1.5,"question":"q","image":"a.png"}])", "'questionId' is 1.5");
}

TEST_CASE("OCR: rates of canonical texts; the runner asks the question of the item") {
  const test::TaskFolder folder;
  folder.write("index.jsonl", R"({"id":"l","image":"a.png","text":"two  words\nhere"})"
                              "\n"
                              R"({"id":"m","image":"a.png","text":"abcd"})");
  const OcrTask task = OcrTask::open(folder.path());
  REQUIRE(task.items.size() == 2);
  const ItemScores same = task.score(0, "two words here");
  CHECK(same.values.at("cer") == 0.0);
  CHECK(same.values.at("exact_match") == 1.0);
  CHECK(task.score(0, "two word here").values.at("wer") == doctest::Approx(1.0 / 3.0));
  CHECK(task.score(1, "abxd").values.at("ned") == doctest::Approx(0.25));
  std::vector<std::string> asked;
  const TaskReader reader{
      "fake", [&](std::span<const Tensor> images, std::span<const std::string> questions) {
        asked.insert(asked.end(), questions.begin(), questions.end());
        return std::vector<TableReading>(images.size(), TableReading{"abcd", std::nullopt});
      }};
  predict(task, reader, folder.run(), {.batch_size = 2, .show_progress = false});
  CHECK(asked == std::vector<std::string>(2, kOcrQuestion));
  const ScoreSummary summary = score(task, folder.run());
  CHECK(summary.scores.at("exact_match").mean == doctest::Approx(0.5));
  folder.write("index.jsonl", R"({"id":"l","image":"a.png","text":" "})");
  CHECK_THROWS_WITH_AS(OcrTask::open(folder.path()), doctest::Contains("'text' is blank"),
                       std::runtime_error);
}

}  // namespace nvlm::eval
