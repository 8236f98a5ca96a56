// Mistakes on the command line: one clear line and exit code 2.
#include <doctest/doctest.h>

#include "tests/cli/program.h"

namespace nvlm::test {
namespace {

void check_usage_error(const std::string& arguments, const std::string& part) {
  CAPTURE(arguments);
  const ProgramResult result = nvlm(arguments);
  CAPTURE(result.err);
  CHECK(result.exit_code == 2);
  CHECK(result.out.empty());
  CHECK(result.err.find(part) != std::string::npos);
}

TEST_CASE("usage errors name the option and the nearest known one") {
  check_usage_error("extrct x.png", "did you mean 'extract'");
  check_usage_error("extract --modle d x.png", "did you mean '--model'");
  check_usage_error("extract", "expected at least one picture");
  check_usage_error("extract --max-tiles many x.png", "max-tiles");
  check_usage_error("extract --max-tiles -1 x.png", "--max-tiles is -1, expected 0 to 64");
  check_usage_error("extract --model /nowhere x.png", "'/nowhere' holds no config.json");
  check_usage_error("train fusion-stf", "did you mean 'fusion-sft'");
  check_usage_error("train reader-pretrain --train.stepz 3 --out runs/never", "train.steps");
  check_usage_error("train reader-pretrain", "--out");
  check_usage_error("train fusion-sft --out runs/never", "init.reader");
  check_usage_error("data rendr", "did you mean 'render'");
  check_usage_error("data render --difficulty eazy --out runs/never", "eazy");
  check_usage_error("eval tabels", "did you mean 'tables'");
}

TEST_CASE("every verb explains itself") {
  for (const char* verb :
       {"extract", "generate", "train", "eval", "data", "inspect", "convert", "convert assemble",
        "convert export", "convert llama", "chat", "parity", "doctor", "plot", "report"}) {
    CAPTURE(verb);
    const ProgramResult result = nvlm(std::string(verb) + " --help");
    CHECK(result.exit_code == 0);
    CHECK(result.out.find("Example") != std::string::npos);
  }
  CHECK(nvlm("help").exit_code == 0);
  CHECK(nvlm("").exit_code == 2);
}

TEST_CASE("doctor names the processor and the dtype") {
  const ProgramResult result = nvlm("doctor --json");
  CHECK(result.exit_code == 0);
  CHECK(result.out.find("\"training_dtype\"") != std::string::npos);
}

}  // namespace
}  // namespace nvlm::test
