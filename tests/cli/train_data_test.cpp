// Training data on the command line: what is refused, and with which exit code.
#include <doctest/doctest.h>

#include <fstream>

#include "common/json.h"
#include "tests/cli/program.h"

namespace nvlm::test {
namespace {

namespace fs = std::filesystem;

void check_data_refused(const std::string& arguments, int exit_code, const std::string& part) {
  CAPTURE(arguments);
  const ProgramResult result = nvlm(arguments);
  CAPTURE(result.err);
  CHECK(result.exit_code == exit_code);
  CHECK(result.err.find(part) != std::string::npos);
}

/// Eight drawn tables, of which one picture is then torn and one text emptied.
class DamagedSet {
 public:
  DamagedSet() {
    REQUIRE(nvlm("data render --difficulty tiny --seed 4 --count 8 --out " + path()).exit_code ==
            0);
    fs::remove(dir_ / "set" / "index.jsonl");
    fs::resize_file(dir_ / "set" / "images" / "tiny-4-00002.png", 60);
    std::ofstream(dir_ / "set" / "gt" / "tiny-4-00005.md") << "\n";
    fs::remove(dir_ / "set" / "gt" / "tiny-4-00005.html");  // it would count before the Markdown
  }
  std::string path(const std::string& name = "set") const { return (dir_ / name).string(); }

 private:
  TempDir dir_;
};

const std::string kFinetune =
    "train finetune --init.model " NVLM_SOURCE_DIR
    "/models/nvlm-d --train.steps 8 --train.batch_size 1 --train.warmup_steps 1 ";

TEST_CASE("data check lists what can be used, what cannot, and how long samples are") {
  const DamagedSet set;
  const ProgramResult result = nvlm("data check --json " + set.path());
  CHECK(result.exit_code == 1);
  CHECK(result.err.find("2 of 8 samples are bad, more than --max-bad 0.01") != std::string::npos);
  const Json report = Json::parse(result.out).at(0);
  CHECK(report.at("usable") == 6);
  REQUIRE(report.at("bad").size() == 2);
  CHECK(report.at("bad")[0].at("index") == 2);
  CHECK(report.at("bad")[0].at("name") == set.path("set/images/tiny-4-00002.png"));
  CHECK(report.at("bad")[1].at("reason") == "an empty answer");
  CHECK(report.at("tokens").at("min") <= report.at("tokens").at("median"));
  CHECK(report.at("longest")[0].at("tokens") == report.at("tokens").at("max"));
  CHECK(report.at("longest").size() == 5);

  const ProgramResult text = nvlm("data check --max-bad 0.5 --write-index " + set.path());
  CHECK(text.exit_code == 0);
  CHECK(text.out.find("8 samples, 6 usable, 2 bad") != std::string::npos);
  CHECK(text.out.find("tiny-4-00002.png: image: cannot read") != std::string::npos);
  // With the index, only what can be used is left, and `eval tables` reads it.
  CHECK(nvlm("data check " + set.path()).out.find("6 samples, 6 usable, 0 bad") !=
        std::string::npos);
  CHECK(nvlm("eval tables --model d --limit 1 --max-new-tokens 4 --data " + set.path() + " --out " +
             set.path("eval"))
            .exit_code == 0);
  // All are too long where few tokens are allowed.
  CHECK(nvlm("data check --max-tokens 20 " + set.path())
            .out.find("tokens, more than the 20 of the model's context") != std::string::npos);
}

TEST_CASE("training data that is no use is refused before a run begins") {
  const DamagedSet set;
  fs::create_directories(set.path("empty"));
  const std::string to = " --out " + set.path("run");
  check_data_refused("train finetune --data.sources render" + to, 2, "finetune needs --init.model");
  check_data_refused(kFinetune + to, 2, "finetune needs --data.sources");
  check_data_refused(kFinetune + "--data.sources /nowhere" + to, 2, "no file or folder '/nowhere'");
  check_data_refused(kFinetune + "--data.sources " + set.path("empty") + to, 2,
                     "holds no usable sample; looked for index.jsonl");
  check_data_refused(kFinetune + "--data.sources " + set.path() + ":0" + to, 2, "weights sum to 0");
  check_data_refused(kFinetune + "--data.source render" + to, 2, "data.sources");
  check_data_refused("train nvlm-d-sft --fusion.variant x" + to, 2, "nvlm-d-sft is the recipe of");
  check_data_refused("train reader-pretrain --data.sources render" + to, 2, "glyphs alone");
  check_data_refused("data check", 2, "expected at least one source");
  check_data_refused("data check " + set.path("empty"), 2, "looked for index.jsonl");
  check_data_refused("data chek", 2, "did you mean 'check'");
  CHECK(!fs::exists(set.path("run")));
}

TEST_CASE("a run ends where too many samples are bad, and counts those it left out") {
  const DamagedSet set;
  const std::string data = "--data.sources " + set.path();
  check_data_refused(kFinetune + data + " --out " + set.path("strict"), 1,
                     "of 8, more than data.max_bad = 0.01 allows");
  const ProgramResult result =
      nvlm(kFinetune + data + " --data.max_bad 0.5 --out " + set.path("run"));
  CAPTURE(result.err);
  CHECK(result.exit_code == 0);
  CHECK(result.err.find("bad_samples: 2") != std::string::npos);
  std::ifstream ledger(set.path("run/bad_samples.jsonl"));
  int64_t lines = 0;
  for (std::string line; std::getline(ledger, line);) ++lines;
  CHECK(lines == 2);
}

}  // namespace
}  // namespace nvlm::test
