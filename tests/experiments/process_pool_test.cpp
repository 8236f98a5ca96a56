// Child processes: how many at a time, where, and how they end.
#include "experiments/ablations/process_pool.h"

#include <doctest/doctest.h>

#include <csignal>
#include <cstdlib>
#include <map>
#include <set>

#include "common/atomic_file.h"
#include "tests/support/temp_dir.h"

namespace nvlm::experiments {
namespace {

ProcessJob shell_job(const test::TempDir& dir, const std::string& name, const std::string& script) {
  return {name, {"/bin/sh", "-c", script}, dir / name};
}

TEST_CASE("process pool: processes that run together have places of their own") {
  const test::TempDir dir;
  std::vector<ProcessJob> jobs;
  for (int i = 0; i < 6; ++i) {
    jobs.push_back(shell_job(dir, "job-" + std::to_string(i), "echo $GPU $HOME; sleep 0.2"));
  }
  const std::vector<PlaceEnvironment> places = {{{"GPU", "0"}, {"HOME", "a"}},
                                                {{"GPU", "1"}, {"HOME", "b"}}};
  REQUIRE(run_processes(
      jobs, 2, [] { return false; }, {}, places));
  std::multiset<std::string> seen;
  for (const ProcessJob& job : jobs) seen.insert(read_text_file(job.log));
  CHECK(seen.count("0 a\n") + seen.count("1 b\n") == 6);
  CHECK(seen.count("0 a\n") >= 2);  // at least every other of those that ran two by two
  CHECK(seen.count("1 b\n") >= 2);
}

TEST_CASE("process pool: without places the environment is this process's") {
  const test::TempDir dir;
  setenv("NVLM_POOL_TEST", "kept", 1);
  const ProcessJob job = shell_job(dir, "job", "echo $NVLM_POOL_TEST");
  REQUIRE(run_processes({job}, 1, [] { return false; }, {}));
  CHECK(read_text_file(job.log) == "kept\n");
}

TEST_CASE("process pool: one that fails ends the others, and no more are started") {
  const test::TempDir dir;
  const std::vector<ProcessJob> jobs = {shell_job(dir, "long", "exec sleep 30"),
                                        shell_job(dir, "bad", "exit 3"),
                                        shell_job(dir, "never", "echo started")};
  std::map<std::string, int> codes;
  PoolEvents events;
  events.ended = [&](const ProcessJob& job, const ProcessEnd& end) {
    codes[job.name] = end.exit_code;
  };
  CHECK_FALSE(run_processes(
      jobs, 2, [] { return false; }, events));
  CHECK(codes == std::map<std::string, int>{{"bad", 3}, {"long", 128 + SIGTERM}});
  CHECK_FALSE(std::filesystem::exists(dir / "never"));
}

}  // namespace
}  // namespace nvlm::experiments
