// nvlm ablate: a whole suite with tiny models, killed and continued, and what it refuses.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "common/atomic_file.h"
#include "common/json.h"
#include "tests/cli/program.h"

namespace nvlm::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMicro = "ablate resampler --preset micro --jobs 1 --out ";
const std::vector<std::string> kMicroRuns = {"samples/without/seed-1", "samples/with/seed-1",
                                             "samples/without/seed-2", "samples/with/seed-2"};

/// Waits until the first run has a checkpoint but no result, ends the ablation with `signal` and
/// returns its wait status.
int end_in_the_middle(const fs::path& out, pid_t ablation, int signal) {
  const fs::path run = out / kMicroRuns[0];
  for (int i = 0; i < 6000 && !fs::exists(run / "checkpoints" / "latest"); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  REQUIRE(fs::exists(run / "checkpoints" / "latest"));
  kill(ablation, signal);
  int status = 0;
  waitpid(ablation, &status, 0);
  CHECK_FALSE(fs::exists(out / kMicroRuns[3] / "run.json"));
  return status;
}

/// What must not depend on when a run was interrupted.
std::string lasting_results(const fs::path& out, const std::string& run) {
  const Json summary = read_json(out / run / "run.json");
  return read_text_file(out / run / "rows.jsonl") + summary.at("weights").get<std::string>() +
         summary.at("train_flops").dump() + summary.at("headline").dump();
}

TEST_CASE("ablate: end to end, continued after a kill with the same results, refusals") {
  const TempDir dir;
  const fs::path whole = dir / "whole", killed = dir / "killed", stopped = dir / "stopped";
  const ProgramResult first = nvlm(kMicro + whole.string());
  CAPTURE(first.err);
  REQUIRE(first.exit_code == 0);
  CHECK(first.out == whole.string() + "\n");
  CHECK(first.err.find("ablate") != std::string::npos);  // its progress
  const Json suite = read_json(whole / "suite.json");
  CHECK(suite.at("arms").size() == 2);
  CHECK(suite.at("comparisons").size() == 1);
  for (const std::string& run : kMicroRuns) {
    CAPTURE(run);
    const Json summary = read_json(whole / run / "run.json");
    CHECK(summary.at("run") == "resampler/" + run);
    CHECK(summary.at("items") == suite.at("items").at("hash"));
    CHECK(summary.at("steps") == 40);
    CHECK(summary.at("gates").size() == 4);
    CHECK(summary.at("answer").at("memory").get<double>() > 0);
    CHECK(summary.at("answer").at("latency_seconds").get<double>() > 0);
    // What was planned from a few batches against what was summed over all.
    const Json& arm = suite.at("arms")[run.find("without") == std::string::npos ? 1 : 0];
    CHECK(summary.at("train_flops").get<double>() ==
          doctest::Approx(arm.at("planned").at("train_flops").get<double>()).epsilon(0.1));
    CHECK(summary.at("trainable_parameters") == arm.at("planned").at("trainable_parameters"));
    CHECK(read_text_file(whole / run / "metrics.jsonl").find("gate.0.attention") !=
          std::string::npos);
  }
  CHECK(lasting_results(whole, kMicroRuns[0]) != lasting_results(whole, kMicroRuns[1]));
  CHECK(lasting_results(whole, kMicroRuns[0]) != lasting_results(whole, kMicroRuns[2]));

  {  // once more: nothing is left to do
    const auto log_size = fs::file_size(whole / "ablate.jsonl");
    CHECK(nvlm(kMicro + whole.string()).exit_code == 0);
    CHECK(fs::file_size(whole / "ablate.jsonl") == log_size);
  }
  {  // killed
    const int status =
        end_in_the_middle(killed, start_nvlm(kMicro + killed.string(), dir / "log"), SIGKILL);
    CHECK(WIFSIGNALED(status));
    const ProgramResult rest = nvlm(kMicro + killed.string());
    CAPTURE(rest.err);
    REQUIRE(rest.exit_code == 0);
    for (const std::string& run : kMicroRuns) {
      CAPTURE(run);
      CHECK(lasting_results(killed, run) == lasting_results(whole, run));
    }
  }
  {  // asked to stop
    const int status =
        end_in_the_middle(stopped, start_nvlm(kMicro + stopped.string(), dir / "log"), SIGTERM);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 1);
    CHECK(read_text_file(dir / "log").find("the same command again goes on") != std::string::npos);
    CHECK(read_text_file(stopped / "ablate.jsonl").find("\"failed\"") == std::string::npos);
  }
  {  // another plan
    const ProgramResult seeds = nvlm(kMicro + whole.string() + " --seeds 1 2 3");
    CHECK(seeds.exit_code == 2);
    CHECK(seeds.err.find("seeds is 1, 2, expected 1, 2, 3") != std::string::npos);
    const ProgramResult other = nvlm("ablate data-quality --preset micro --out " + whole.string());
    CHECK(other.exit_code == 2);
    CHECK(other.err.find("suite is resampler, expected data-quality") != std::string::npos);
    Json changed = suite;
    changed["revision"] = "0000";
    write_json(whole / "suite.json", changed);
    const ProgramResult revision = nvlm(kMicro + whole.string());
    CHECK(revision.exit_code == 2);
    CHECK(revision.err.find("revision is 0000, expected") != std::string::npos);
  }
}

TEST_CASE("ablate: bad commands") {
  const TempDir dir;
  const ProgramResult suite = nvlm("ablate fusoin --preset micro --dry-run");
  CHECK(suite.exit_code == 2);
  CHECK(suite.err.find("did you mean 'fusion'?") != std::string::npos);
  const ProgramResult preset = nvlm("ablate fusion --preset mirco --dry-run");
  CHECK(preset.exit_code == 2);
  CHECK(preset.err.find("did you mean 'micro'?") != std::string::npos);
  CHECK(nvlm("ablate").exit_code == 2);
  const std::string out = " --out " + (dir / "out").string();
  const ProgramResult unmatched = nvlm("ablate fusion --preset micro --steps 3 --dry-run" + out);
  CHECK(unmatched.exit_code == 2);
  CHECK(unmatched.err.find("--allow-unmatched") != std::string::npos);
  const ProgramResult dry = nvlm("ablate fusion --preset micro --dry-run" + out);
  CHECK(dry.exit_code == 0);
  CHECK(dry.out.find("| flops | d | 40 |") != std::string::npos);
  CHECK(dry.out.find("| samples/d |") != std::string::npos);  // the same run under FLOPs
  CHECK(dry.out.find("runs, about") != std::string::npos);
  CHECK_FALSE(fs::exists(dir / "out"));
  fs::create_directories(dir / "full");
  write_file_atomically(dir / "full" / "notes.txt", "mine");
  const ProgramResult full =
      nvlm("ablate resampler --preset micro --out " + (dir / "full").string());
  CHECK(full.exit_code == 2);
  CHECK(full.err.find("is not empty and holds no suite.json") != std::string::npos);
}

}  // namespace
}  // namespace nvlm::test
