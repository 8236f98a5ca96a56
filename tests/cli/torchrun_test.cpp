// Several processes under PyTorch's own launcher.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <vector>

#include "common/json.h"
#include "tests/cli/program.h"
#include "tests/support/json_lines.h"

namespace nvlm::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTinyText =
    " --train.steps 100 --train.batch_size 1 --train.accumulation 2 --train.warmup_steps 2"
    " --train.log_every 1 --train.checkpoint_every 10 --train.dtype float32 --train.threads 1"
    " --train.shard_optimizer yes --text.sequence_length 32"
    " --decoder.hidden 16 --decoder.layers 2 --decoder.heads 2 --decoder.kv_heads 2"
    " --decoder.head_dim 8 --decoder.ffn_hidden 16 ";

/// The Python to start torchrun with: $NVLM_PYTHON, else python3.
std::string launcher() {
  const char* python = std::getenv("NVLM_PYTHON");
  return std::string(python != nullptr ? python : "python3") + " -m torch.distributed.run";
}

int exit_code_of(const std::string& command) {
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// Runs the program; the first life of worker 1 ends with SIGKILL once there is a checkpoint.
constexpr const char* kKillingScript = R"(#!/bin/sh
out=$1
shift
if [ "$RANK" = 1 ] && [ "$TORCHELASTIC_RESTART_COUNT" = 0 ]; then
  "$@" &
  while [ ! -e "$out/checkpoints/latest" ]; do sleep 0.02; done
  kill -9 $! && touch "$out.killed"
  wait $!
  exit $?
fi
exec "$@"
)";

}  // namespace

TEST_CASE("torchrun: a worker is killed, the job starts again and ends as one process does") {
  if (exit_code_of(launcher() + " --help >/dev/null 2>&1") != 0) {
    MESSAGE("skipped: '" << launcher() << "' does not start; set NVLM_PYTHON");
    return;
  }
  const TempDir dir;
  const fs::path script = dir / "killing.sh";
  std::ofstream(script) << kKillingScript;
  REQUIRE(chmod(script.c_str(), 0755) == 0);
  const std::string recipe = std::string("train text-pretrain") + kTinyText + "--out ";
  const std::string run = (dir / "run").string();
  const std::string log = (dir / "log").string();
  const int code = exit_code_of(
      launcher() + " --no-python --standalone --nproc-per-node 2 --max-restarts 1 " +
      script.string() + " " + run + " " + NVLM_PROGRAM + " " + recipe + run + " >" + log + " 2>&1");
  std::ostringstream text;
  text << std::ifstream(log).rdbuf();
  INFO(text.str());
  REQUIRE(code == 0);
  REQUIRE(fs::exists(run + ".killed"));

  REQUIRE(nvlm(recipe + (dir / "alone").string()).exit_code == 0);
  const std::vector<Json> lines = json_lines(run + "/metrics.jsonl"),
                          expected = json_lines(dir / "alone/metrics.jsonl");
  REQUIRE(lines.size() == 100);
  REQUIRE(expected.size() == 100);
  for (size_t i = 0; i < lines.size(); ++i) {
    CAPTURE(i);
    CHECK(lines[i].at("step") == i + 1);
    CHECK(lines[i].at("tokens") == expected[i].at("tokens"));
    CHECK(lines[i].at("loss").get<double>() ==
          doctest::Approx(expected[i].at("loss").get<double>()).epsilon(1e-4));
  }
}

TEST_CASE("train refuses a launcher's variables that make no sense") {
  const ProgramResult result = [] {
    setenv("WORLD_SIZE", "2", 1);
    setenv("RANK", "2", 1);
    ProgramResult run = nvlm("train text-pretrain --out /nonexistent/run");
    unsetenv("WORLD_SIZE");
    unsetenv("RANK");
    return run;
  }();
  CHECK(result.exit_code == 2);
  CHECK(result.err.find("environment variable RANK is '2', expected 0 to 1") != std::string::npos);
}

}  // namespace nvlm::test
