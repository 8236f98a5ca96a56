// The whole road with tiny models: render, train every stage for every variant, evaluate, extract.
#include <doctest/doctest.h>

#include <fstream>

#include "common/json.h"
#include "tests/cli/program.h"

namespace nvlm::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTiny =
    " --train.steps 2 --train.batch_size 2 --train.warmup_steps 1 --train.dtype float32"
    " --vision.hidden 16 --vision.layers 1 --vision.heads 2 --vision.ffn_hidden 16"
    " --vision.image_size 64 --decoder.hidden 16 --decoder.layers 3 --decoder.heads 2"
    " --decoder.kv_heads 2 --decoder.head_dim 8 --decoder.ffn_hidden 16 --guidance.heads 2 ";

int64_t num_lines(const fs::path& path) {
  std::ifstream file(path);
  int64_t count = 0;
  for (std::string line; std::getline(file, line);) ++count;
  return count;
}

ProgramResult run(const std::string& arguments) {
  CAPTURE(arguments);
  ProgramResult result = nvlm(arguments);
  CAPTURE(result.err);
  CHECK(result.exit_code == 0);
  return result;
}

TEST_CASE("from nothing to predictions, for every variant") {
  const TempDir dir;
  const auto at = [&](const std::string& name) { return (dir / name).string(); };
  run("train reader-pretrain --out " + at("reader") + kTiny);
  run("train reader-pretrain --init.reader " + at("reader/checkpoints/latest") + " --out " +
      at("longer-reader") + kTiny);
  run("train text-pretrain --out " + at("text") + kTiny);
  run("data render --difficulty easy --seed 3 --count 2 --out " + at("set"));
  const ProgramResult text =
      run("eval text --json --context 64 --model " + at("text/checkpoints/latest") + " --data " +
          at("set/index.jsonl"));
  CHECK(text.out.find("\"bits_per_byte\"") != std::string::npos);

  for (const std::string variant : {"d", "x", "h", "reversed"}) {
    CAPTURE(variant);
    run("train fusion-pretrain --fusion.variant " + variant + " --init.reader " +
        at("reader/checkpoints/latest") + " --init.decoder " + at("text/checkpoints/latest") +
        " --out " + at("pre-" + variant) + kTiny);
    run("train fusion-align --fusion.variant " + variant + " --init.model " +
        at("pre-" + variant + "/checkpoints/latest") + " --out " + at("align-" + variant) + kTiny);
    // The encoder may have gone on learning in the meantime.
    run("train fusion-sft --fusion.variant " + variant + " --init.model " +
        at("align-" + variant + "/checkpoints/latest") + " --init.reader " +
        at("longer-reader/checkpoints/latest") + " --features.cache " + at("features") + " --out " +
        at("sft-" + variant) + kTiny);
    const std::string model = at("sft-" + variant + "/checkpoints/latest");
    run("eval tables --model " + model + " --data " + at("set") + " --out " +
        at("eval-" + variant) + " --max-new-tokens 8");
    CHECK(num_lines(dir / ("eval-" + variant) / "predictions.jsonl") == 2);
    CHECK(fs::exists(dir / ("eval-" + variant) / "scores.json"));
  }
  // An encoder of another shape takes the model's tiles with it.
  run("train reader-pretrain --out " + at("linear-reader") +
      " --train.steps 1 --train.batch_size 2 --train.warmup_steps 1 --train.dtype float32"
      " --vision.hidden 16 --vision.layers 2 --vision.heads 2 --vision.ffn_hidden 16"
      " --vision.stem_channels 0 --vision.image_size 56 --vision.patch_size 14");
  run("train fusion-sft --fusion.variant h --init.model " + at("align-h/checkpoints/latest") +
      " --init.reader " + at("linear-reader/checkpoints/latest") + " --out " + at("linear-h") +
      " --tiling.min_tiles 2 --tiling.max_tiles 4" + kTiny);
  const Json linear = read_json(dir / "linear-h/checkpoints/latest/config.json");
  CHECK(linear["force_image_size"] == 56);
  CHECK(linear["min_dynamic_patch"] == 2);
  CHECK(linear["max_dynamic_patch"] == 4);
  CHECK(linear["vision_config"]["num_hidden_layers"] == 2);
  CHECK_FALSE(linear["vision_config"].contains("stem_channels"));
  // A finished run says so instead of training on.
  CHECK(nvlm("train --resume --out " + at("sft-d")).exit_code == 0);
  // A run directory is never overwritten.
  CHECK(nvlm("train text-pretrain --out " + at("text") + kTiny).exit_code == 2);
}

TEST_CASE("the same seed gives the same weights") {
  const TempDir dir;
  const auto weights = [&](const std::string& name) {
    run("train reader-pretrain --out " + (dir / name).string() + kTiny);
    std::ifstream file(dir / name / "checkpoints/latest/model.safetensors", std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  CHECK(weights("a") == weights("b"));
}

}  // namespace
}  // namespace nvlm::test
