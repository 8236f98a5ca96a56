// nvlm eval without a model: scoring, comparing and reporting what stands in files.
#include <doctest/doctest.h>

#include <string>

#include "common/json.h"
#include "tests/cli/program.h"
#include "tests/eval/task_folder.h"

namespace nvlm::test {
namespace {

namespace fs = std::filesystem;

std::string answer_line(const std::string& id, const std::string& text) {
  return Json{{"id", id}, {"prediction", text}, {"seconds", 0.5}}.dump() + "\n";
}

/// Writes a run of the tables of `folder` and scores it.
ProgramResult score_run(const TaskFolder& folder, const std::string& name,
                        const std::string& predictions, const std::string& options = "") {
  fs::create_directories(folder.path() / name);
  folder.write(name + "/predictions.jsonl", predictions);
  return nvlm("eval tables --score-only --data " + folder.path().string() + " --out " +
              (folder.path() / name).string() + " " + options);
}

std::string perfect_answers() {
  return answer_line("plain", kPlainMarkdown) + answer_line("span", kSpanHtml) +
         answer_line("again", kSpanHtml);
}

}  // namespace

TEST_CASE("eval tables: scores a file alone, as text and as JSON") {
  const TaskFolder folder;
  const ProgramResult text = score_run(folder, "a", perfect_answers());
  CAPTURE(text.err);
  CHECK(text.exit_code == 0);
  CHECK(text.out.find("3 items, 0 failed") != std::string::npos);
  CHECK(text.out.find("grits_content") != std::string::npos);
  CHECK(text.out.find("teds by spans") != std::string::npos);
  const ProgramResult json = score_run(folder, "a", perfect_answers(), "--json");
  CHECK(json.exit_code == 0);
  const Json report = parse_json(json.out, "stdout");
  CHECK(report.at("scores").at("teds").at("mean") == 1.0);
  CHECK(report.at("breakdown").at("spans").at("yes").at("teds").at("n") == 2);
}

TEST_CASE("eval: what cannot be scored ends with 1 and says why") {
  const TaskFolder folder;
  const auto check_failure = [](const ProgramResult& result, const std::string& part) {
    CAPTURE(result.err);
    CHECK(result.exit_code == 1);
    CHECK(result.out.empty());
    CHECK(result.err.find(part) != std::string::npos);
  };
  check_failure(score_run(folder, "empty", ""), "no predictions");
  check_failure(score_run(folder, "other", answer_line("who", "x")), "the id 'who' is not among");
  const std::string data = folder.path().string();
  check_failure(nvlm("eval tables --score-only --data " + data + " --out " + data + "/none"),
                "predict first");
  check_failure(nvlm("eval tables --score-only --data /nowhere --out " + data + "/run"),
                "'/nowhere/index.jsonl' is missing");
  check_failure(nvlm("eval docvqa --score-only --data /nowhere/val.json --out " + data + "/run"),
                "rrc.cvc.uab.es");
  check_failure(nvlm("eval compare " + data + "/x " + data + "/y"), "score the run first");
  folder.write("index.jsonl", R"({"id":"x","image":"a.png","md":"a.png"})");
  check_failure(score_run(folder, "truth", answer_line("x", "x")), "ground truth cannot be used");
}

TEST_CASE("eval compare and report: two runs of the same items") {
  const TaskFolder folder;
  score_run(folder, "a", answer_line("plain", "nothing"));
  score_run(folder, "b", perfect_answers());
  const std::string runs = (folder.path() / "a").string() + " " + (folder.path() / "b").string();
  for (const std::string verb : {"compare ", "--compare ", "tables --compare "}) {
    const ProgramResult result = nvlm("eval " + verb + runs + " --metric teds");
    CAPTURE(result.err);
    CHECK(result.exit_code == 0);
    // Two documents are too few for a verdict.
    CHECK(result.out.find("not distinguishable") != std::string::npos);
  }
  const ProgramResult json = nvlm("eval compare --json " + runs);
  CHECK(json.exit_code == 0);
  const Json teds = parse_json(json.out, "stdout").at("metrics").at("teds");
  CHECK(teds.at("difference") == 1.0);
  CHECK(teds.at("p_value") == 0.5);
  CHECK(teds.at("num_documents") == 2);
  const ProgramResult report =
      nvlm("eval report " + runs + " --metric teds -o " + (folder.path() / "r.md").string());
  CHECK(report.exit_code == 0);
  CHECK(report.out.empty());
  CHECK(fs::exists(folder.path() / "r.md"));
  CHECK(nvlm("eval report " + runs).out.starts_with("| run | failed |"));

  folder.write("index.jsonl", R"({"id":"plain","image":"a.png","md":"plain.md"})");
  score_run(folder, "c", answer_line("plain", "x"));
  const ProgramResult other =
      nvlm("eval compare " + (folder.path() / "a").string() + " " + (folder.path() / "c").string());
  CHECK(other.exit_code == 1);
  CHECK(other.err.find("the item lists differ") != std::string::npos);
}

TEST_CASE("eval: questions and OCR are scored by the same program") {
  const TaskFolder folder;
  folder.write("val.json",
               R"([{"questionId":1,"question":"?","image":"a.png","answers":["five"]}])");
  fs::create_directories(folder.run());
  folder.write("run/predictions.jsonl", answer_line("1", "Five"));
  const ProgramResult docvqa =
      nvlm("eval docvqa --score-only --data " + (folder.path() / "val.json").string() + " --out " +
           folder.run().string());
  CAPTURE(docvqa.err);
  CHECK(docvqa.exit_code == 0);
  CHECK(docvqa.out.find("anls") != std::string::npos);
  folder.write("index.jsonl", R"({"id":"1","image":"a.png","text":"five"})");
  const ProgramResult ocr = nvlm("eval ocr --score-only --data " + folder.path().string() +
                                 " --out " + folder.run().string());
  CHECK(ocr.exit_code == 0);
  CHECK(ocr.out.find("wer") != std::string::npos);
}

TEST_CASE("eval: mistakes on the command line end with 2") {
  for (const char* arguments :
       {"eval compare a", "eval compare a b c", "eval report", "eval compare a b --resamples 0",
        "eval tables --data x", "eval tables --data x --out y --score-only --predict-only",
        "eval tables --data x --out y --limit -1", "eval tables --data x --out y --truth yaml",
        "eval tables --data x --out y --layout yaml", "eval ocr --data x --out y --layout otsl",
        "eval text --data x", "eval text --model x --data y --context 1"}) {
    CAPTURE(arguments);
    const ProgramResult result = nvlm(arguments);
    CAPTURE(result.err);
    CHECK(result.exit_code == 2);
    CHECK(result.out.empty());
  }
  CHECK(nvlm("eval docvqq").err.find("did you mean 'docvqa'") != std::string::npos);
  for (const char* task : {"tables", "docvqa", "llava", "compare", "report", "text"}) {
    CAPTURE(task);
    CHECK(nvlm(std::string("eval ") + task + " --help").exit_code == 0);
  }
}

}  // namespace nvlm::test
