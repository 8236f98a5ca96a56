// nvlm train, killed again and again at random moments: the result is that of a run left alone.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "common/atomic_file.h"
#include "common/json.h"
#include "common/random.h"
#include "common/safetensors.h"
#include "tests/cli/program.h"
#include "tests/support/json_lines.h"

namespace nvlm::test {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr const char* kSmallDecoder =
    " --train.dtype float32 --vision.hidden 16 --vision.layers 1 --vision.heads 2"
    " --vision.ffn_hidden 16 --vision.image_size 56 --decoder.hidden 16 --decoder.layers 3"
    " --decoder.heads 2 --decoder.kv_heads 2 --decoder.head_dim 8 --decoder.ffn_hidden 16"
    " --guidance.heads 2 --train.threads 1";

/// Both optimisers, pictures in memory and sequence, a checkpoint every third step.
std::string train_arguments(const fs::path& decoder, const fs::path& out) {
  return "train fusion-align --fusion.variant h --data.easy 0 --data.tiny 1 --train.steps 120"
         " --train.batch_size 2 --train.accumulation 2 --train.warmup_steps 5 --train.log_every 1"
         " --train.checkpoint_every 3 --init.decoder " +
         decoder.string() + " --out " + out.string() + kSmallDecoder;
}

std::string start_or_resume(const fs::path& decoder, const fs::path& run) {
  return fs::exists(run / "config.ini") ? "train --resume --out " + run.string()
                                        : train_arguments(decoder, run);
}

int64_t milliseconds_of(const std::string& arguments) {
  const Clock::time_point start = Clock::now();
  REQUIRE(nvlm(arguments).exit_code == 0);
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count();
}

/// Runs the program for `delay`, then kills it. Returns whether it had finished by itself.
bool killed_after(const std::string& arguments, std::chrono::milliseconds delay) {
  const pid_t id = start_nvlm(arguments, "/dev/null");
  std::this_thread::sleep_for(delay);
  kill(id, SIGKILL);
  int status = 0;
  REQUIRE(waitpid(id, &status, 0) == id);
  return WIFEXITED(status);
}

/// What a resumed run will read must be whole, whenever the kill came.
void check_undamaged(const fs::path& run) {
  const fs::path latest = run / "checkpoints" / "latest";
  if (fs::exists(fs::symlink_status(latest))) {
    CHECK(SafetensorsFile::open(latest / "training_state.safetensors").entries().size() > 0);
    CHECK(SafetensorsFile::open(latest / "model.safetensors").entries().size() > 0);
    CHECK(read_json(latest / "training_state.json").at("step").get<int64_t>() > 0);
  }
  if (fs::exists(run / "manifest.json")) CHECK(read_json(run / "manifest.json").is_object());
}

/// The losses of all steps, as they are written.
std::vector<std::string> losses(const fs::path& run) {
  std::vector<std::string> found;
  for (const Json& value : json_lines(run / "metrics.jsonl")) {
    found.push_back(value.at("step").dump() + " " + value.at("loss").dump());
  }
  return found;
}

int64_t number_of_kills() {
  const char* text = std::getenv("NVLM_KILLS");
  return text == nullptr ? 10 : std::atoll(text);
}

TEST_CASE("train: killed at random moments and resumed, the same bits as a run left alone") {
  const TempDir dir;
  REQUIRE(nvlm("train text-pretrain --train.steps 1 --train.batch_size 1 --train.warmup_steps 1"
               " --text.sequence_length 16 --out " +
               (dir / "text").string() + kSmallDecoder)
              .exit_code == 0);
  const fs::path decoder = dir / "text" / "checkpoints" / "latest";
  const fs::path whole = dir / "whole", run = dir / "killed";
  const int64_t duration = milliseconds_of(train_arguments(decoder, whole));
  const int64_t loading = milliseconds_of("train --resume --out " + whole.string());
  const int64_t training = std::max<int64_t>(duration - loading, 1);

  Random random(static_cast<uint64_t>(duration), 7);
  const int64_t kills = number_of_kills();
  int64_t late = 0;
  for (int64_t i = 0; i < kills; ++i) {
    CAPTURE(i);
    // Some while loading, most while training, and all together before the run is over.
    const int64_t delay = random.chance(0.3)
                              ? random.integer(0, loading)
                              : loading + random.integer(0, 3 * training / 2 / kills);
    late += killed_after(start_or_resume(decoder, run), std::chrono::milliseconds(delay));
    check_undamaged(run);
  }
  MESSAGE(kills << " kills, " << late << " of them after the end");
  CHECK(late <= kills / 2);
  const ProgramResult last = nvlm(start_or_resume(decoder, run));
  CAPTURE(last.err);
  REQUIRE(last.exit_code == 0);
  for (const char* file : {"model.safetensors", "training_state.safetensors"}) {
    CAPTURE(file);
    CHECK((read_text_file(run / "checkpoints/latest" / file) ==
           read_text_file(whole / "checkpoints/latest" / file)));
  }
  CHECK(losses(run) == losses(whole));
  for (const auto& entry : fs::directory_iterator(run / "checkpoints")) {
    CHECK_FALSE(entry.path().filename().string().starts_with(".writing_"));
  }
}

}  // namespace
}  // namespace nvlm::test
