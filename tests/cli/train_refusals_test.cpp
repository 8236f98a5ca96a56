// nvlm train: what it refuses, and that a full disk leaves the last checkpoint as it is.
#include <doctest/doctest.h>

#include <fstream>

#include "common/atomic_file.h"
#include "common/json.h"
#include "tests/cli/program.h"

namespace nvlm::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kText =
    "train text-pretrain --train.batch_size 1 --train.warmup_steps 1 --text.sequence_length 16"
    " --train.dtype float32 --train.threads 1 --decoder.hidden 16 --decoder.layers 1"
    " --decoder.heads 2 --decoder.kv_heads 2 --decoder.head_dim 8 --decoder.ffn_hidden 16 ";

bool has(const std::string& text, const std::string& part) {
  const bool found = text.find(part) != std::string::npos;
  if (!found) MESSAGE("'" << text << "' lacks '" << part << "'");
  return found;
}

TEST_CASE("train: usage errors name the word, the option and what was expected") {
  const TempDir dir;
  const std::string out = " --out " + (dir / "run").string();
  const auto refused = [&](const std::string& arguments, const std::string& part) {
    const ProgramResult result = nvlm(arguments + out);
    CHECK(result.exit_code == 2);
    CHECK(has(result.err, part));
    CHECK_FALSE(fs::exists(dir / "run"));
  };
  refused("train fusion-stf", "'fusion-stf' is no recipe");
  refused("train fusion-stf", "fusion-sft");  // the nearest
  refused("train text-pretrain --train.stps 3", "train.stps");
  refused("train text-pretrain --train.steps none", "train.steps");
  refused("train text-pretrain --train.lr 1 --train.min_lr 2", "train.min_lr is 2");
  refused("train text-pretrain --data.easy 0", "data.easy, data.medium and data.hard are all 0");
  refused("train fusion-sft", "init.reader");
}

TEST_CASE("train: a GPU that is not there") {
  const TempDir dir;
  const ProgramResult result = nvlm(
      std::string(kText) + "--train.steps 1 --train.device cuda --out " + (dir / "run").string());
  if (result.exit_code == 0) return;  // there is one
  CHECK(has(result.err, "CUDA"));
  CHECK(result.err.find("Exception raised from") == std::string::npos);
}

TEST_CASE("train: a folder that cannot be written") {
  const ProgramResult result = nvlm(std::string(kText) + "--train.steps 1 --out /proc/nvlm-run");
  CHECK(result.exit_code == 1);
  CHECK(has(result.err, "/proc/nvlm-run"));
}

TEST_CASE("train --resume: every option that differs is listed, harmless ones may") {
  const TempDir dir;
  const std::string run = (dir / "run").string();
  REQUIRE(nvlm(std::string(kText) + "--train.steps 4 --out " + run).exit_code == 0);
  const ProgramResult other = nvlm("train --resume --out " + run +
                                   " --decoder.hidden 32 --train.lr 1e-4 --train.log_every 2");
  CHECK(other.exit_code == 2);
  CHECK(has(other.err, run + "/config.ini"));
  CHECK(has(other.err, "decoder.hidden is 32, but the run began with 16"));
  CHECK(has(other.err, "train.lr is "));
  CHECK(other.err.find("log_every") == std::string::npos);
  CHECK(nvlm("train --resume --train.log_every 2 --out " + run).exit_code == 0);
  const ProgramResult nothing = nvlm("train --resume --out " + (dir / "none").string());
  CHECK(nothing.exit_code != 0);
  CHECK(has(nothing.err, (dir / "none").string()));
}

TEST_CASE("train: a disk that is full in the middle of a checkpoint leaves the one before") {
  const TempDir dir;
  const fs::path run = dir / "run";
  const std::string wider =
      "train text-pretrain --train.batch_size 1 --train.warmup_steps 1 --text.sequence_length 16"
      " --train.dtype float32 --train.threads 1 --decoder.hidden 64 --decoder.layers 1"
      " --decoder.heads 2 --decoder.kv_heads 2 --decoder.head_dim 32 --decoder.ffn_hidden 64 ";
  REQUIRE(
      nvlm(wider + "--train.steps 6 --train.checkpoint_every 3 --out " + run.string()).exit_code ==
      0);
  const fs::path latest = run / "checkpoints" / "latest";
  const std::string state = read_text_file(latest / "training_state.safetensors");
  // Back to step 3, then on with files that may not grow beyond 64 KiB: as if the disk were full.
  fs::remove(latest);
  fs::create_directory_symlink("step_3", latest);
  fs::remove_all(run / "checkpoints" / "step_6");
  const std::string older = read_text_file(latest / "training_state.safetensors");
  const std::string command = "(trap '' XFSZ; ulimit -f 64; exec " + std::string(NVLM_PROGRAM) +
                              " train --resume --out " + run.string() + ") 2>" +
                              (dir / "err").string() + " >/dev/null";
  const int status = std::system(command.c_str());
  CHECK(WEXITSTATUS(status) == 1);
  CHECK(has(read_text_file(dir / "err"), "safetensors"));
  CHECK(fs::read_symlink(latest) == "step_3");
  CHECK((read_text_file(latest / "training_state.safetensors") == older));
  CHECK_FALSE(fs::exists(run / "checkpoints" / "step_6"));
  // With room again the run ends as it would have.
  REQUIRE(nvlm("train --resume --out " + run.string()).exit_code == 0);
  CHECK((read_text_file(latest / "training_state.safetensors") == state));
}

TEST_CASE("train --dry-run: tokens, FLOPs, memory, disk and time") {
  const TempDir dir;
  const std::string model = std::string(NVLM_SOURCE_DIR) + "/models/nvlm-h";
  const ProgramResult result =
      nvlm("train fusion-sft --dry-run --fusion.variant h --init.model " + model +
           " --train.steps 2 --train.batch_size 2 --train.warmup_steps 1 --data.text_only 0");
  CAPTURE(result.err);
  REQUIRE(result.exit_code == 0);
  for (const char* part :
       {"cross_attention: ", "vision_model: 0 parameters trainable",
        "tokens per sample: ", "tiles)", "products: ", "peak memory: ", "disk: ", "time: "}) {
    CHECK(has(result.out, part));
  }
}

}  // namespace
}  // namespace nvlm::test
