// nvlm convert, from end to end with the golden checkpoints.
#include <doctest/doctest.h>

#include <fstream>

#include "common/atomic_file.h"
#include "common/json.h"
#include "common/weight_store.h"
#include "tests/cli/program.h"
#include "tests/support/golden.h"

namespace nvlm::test {
namespace {

namespace fs = std::filesystem;

std::string assemble_command(const fs::path& out, const std::string& more) {
  return "convert assemble --vision " + golden("06a_internvit_300m").string() + " --decoder " +
         golden("04_qwen2").string() + " --tokenizer " +
         (golden("07a_internvl_chat") / "tokenizer.json").string() + " --out " + out.string() +
         " " + more;
}

void check_refused(const std::string& arguments, int exit_code, const std::string& part) {
  CAPTURE(arguments);
  const ProgramResult result = nvlm("convert " + arguments);
  CAPTURE(result.err);
  CHECK(result.exit_code == exit_code);
  CHECK(result.out.empty());
  CHECK(result.err.find(part) != std::string::npos);
}

}  // namespace

TEST_CASE("convert assemble, then train and generate, for every variant") {
  const TempDir dir;
  for (const std::string variant : {"d", "x", "h"}) {
    CAPTURE(variant);
    const fs::path model = dir / variant;
    const ProgramResult made = nvlm(assemble_command(model, "--fusion " + variant));
    CAPTURE(made.err);
    REQUIRE(made.exit_code == 0);
    CHECK(made.out.find("9 new tokens, 0 rows grown") != std::string::npos);
    CHECK(made.out.find("--init.model " + model.string()) != std::string::npos);
    const ProgramResult trained =
        nvlm("train fusion-pretrain --fusion.variant " + variant + " --init.model " +
             model.string() + " --out " + (dir / ("run-" + variant)).string() +
             " --train.steps 1 --train.batch_size 2 --train.warmup_steps 1 --train.dtype float32");
    CAPTURE(trained.err);
    CHECK(trained.exit_code == 0);
    const ProgramResult answer =
        nvlm("generate --model " + (dir / ("run-" + variant) / "checkpoints/latest").string() +
             " --image " + (golden("07a_internvl_chat") / "image.png").string() +
             " --max-new-tokens 2 --structure free");
    CAPTURE(answer.err);
    CHECK(answer.exit_code == 0);
  }
}

TEST_CASE("convert assemble: the same seed gives the same bytes, --dtype is kept") {
  const TempDir dir;
  for (const char* name : {"a", "b"}) {
    REQUIRE(nvlm(assemble_command(dir / name, "--fusion h --dtype bfloat16 --seed 3")).exit_code ==
            0);
  }
  for (const char* file : {"model.safetensors", "config.json", "tokenizer.json"}) {
    CHECK(read_text_file(dir / "a" / file) == read_text_file(dir / "b" / file));
  }
  CHECK((WeightStore::open(dir / "a").entry("mlp1.1.weight").dtype == at::kBFloat16));
}

TEST_CASE("convert assemble refuses, and leaves nothing behind") {
  const TempDir dir;
  const std::string out = (dir / "out").string();
  const std::string vision = golden("06a_internvit_300m").string();
  const std::string decoder = golden("04_qwen2").string();
  const std::string tokenizer = (golden("07a_internvl_chat") / "tokenizer.json").string();
  const auto command = [&](const std::string& eyes, const std::string& text,
                           const std::string& more) {
    return "assemble --vision " + eyes + " --decoder " + text + " --out " + out + " " + more;
  };
  const std::string with_tokenizer = "--fusion d --tokenizer " + tokenizer;
  check_refused("", 2, "expected assemble, export, llama");
  check_refused("asemble", 2, "did you mean 'assemble'");
  check_refused("assemble --vision " + vision, 2, "--decoder");
  check_refused(command(vision, decoder, "--fusion q"), 2, "'q', expected d, x, h or reversed");
  check_refused(command(vision, decoder, "--fusion d --tile-tags 3d"), 2, "'3d', expected none");
  check_refused(command(vision, decoder, "--fusion d --template alpaca"), 2, "'alpaca'");
  check_refused(command(vision, decoder, "--fusion d --max-tiles 0"), 2, "--max-tiles is 0");
  check_refused(command(vision, decoder, "--fusion d --dtype int8"), 2, "--dtype is 'int8'");
  check_refused(command(vision, decoder, "--fusion d"), 2, "has no tokenizer.json");
  check_refused(command(vision, decoder, "--fusion d --tokenizer /nowhere"), 2, "'/nowhere'");
  check_refused(command("/nowhere", decoder, with_tokenizer), 1, "'/nowhere' is no folder");
  check_refused(command(vision, "/nowhere", "--fusion d"), 2, "'/nowhere' is no folder");
  check_refused(command(decoder, decoder, with_tokenizer), 1, "holds no InternViT");
  check_refused(command(vision, golden("05_gpt2").string(), with_tokenizer), 1,
                "is a GPT-2, expected a Llama or Qwen2");
  check_refused(command(vision, decoder, with_tokenizer + " --every 9"), 1, "every 9 layers");
  check_refused(command(vision, golden("02_llama31").string(), with_tokenizer), 1,
                "they do not belong together");
  CHECK(dir.num_entries() == 0);
}

TEST_CASE("convert writes into an empty folder, and over a checkpoint with --overwrite alone") {
  const TempDir dir;
  fs::create_directory(dir / "out");
  CHECK(nvlm(assemble_command(dir / "out", "--fusion d")).exit_code == 0);
  const std::string meta = golden("01_llama2/meta").string();
  const std::string to_hf = "llama --to hf --model " + meta + " --out ";
  check_refused(to_hf + (dir / "out").string(), 2, "is not empty; --overwrite replaces it");
  CHECK(nvlm("convert " + to_hf + (dir / "out").string() + " --overwrite").exit_code == 0);
  CHECK_FALSE(fs::exists(dir / "out/preprocessor_config.json"));
  CHECK(fs::exists(dir / "out/model.safetensors"));

  fs::create_directory(dir / "home");
  std::ofstream(dir / "home/diary.txt") << "dear diary";
  check_refused(to_hf + (dir / "home").string() + " --overwrite", 2, "holds no checkpoint");
  check_refused(to_hf + (dir / "home/diary.txt").string(), 2, "is no folder");
  const std::string inside =
      "llama --to meta --model " + (dir / "out").string() + " --overwrite --out ";
  check_refused(inside + (dir / "out").string() + "/", 2, "is or holds the folder that is read");
  CHECK(nvlm("convert " + inside + (dir / "out/meta").string()).exit_code == 0);
  CHECK(dir.num_entries() == 2);
}

TEST_CASE("convert export: a D as InternVL's native code reads it") {
  const TempDir dir;
  const fs::path model = dir / "d";
  REQUIRE(nvlm(assemble_command(model, "--fusion d")).exit_code == 0);
  const std::string out = " --out " + (dir / "out").string();
  const std::string command = "convert export --layout internvl-hf --model " + model.string() + out;
  const ProgramResult made = nvlm(command);
  CAPTURE(made.err);
  CHECK(made.exit_code == 0);
  CHECK(read_json(dir / "out/config.json")["architectures"][0] ==
        "InternVLForConditionalGeneration");
  const std::string image = (golden("07a_internvl_chat") / "image.png").string();
  const std::string asked = " --structure free --max-new-tokens 12 --image " + image;
  const ProgramResult ours = nvlm("generate --model " + model.string() + asked);
  CHECK_FALSE(ours.out.empty());
  CHECK(nvlm("generate --model " + (dir / "out").string() + asked).out == ours.out);
  const ProgramResult again = nvlm(command);
  CHECK(again.exit_code == 2);
  CHECK(again.err.find("--overwrite") != std::string::npos);
  const std::string no = " --out " + (dir / "no").string();
  check_refused("export --layout onnx --model d" + no, 2, "'onnx'");
  check_refused("export --layout internvl-hf --model x" + no, 1, "its variant is x, expected d");
  check_refused("export --layout internvl-hf --model d" + no, 1,
                "its encoder has a convolutional stem");
  CHECK(dir.num_entries() == 2);
}

TEST_CASE("convert llama: to Meta's layout and back") {
  const TempDir dir;
  const ProgramResult hf =
      nvlm("convert llama --to hf --model " + golden("01_llama2/meta").string() + " --out " +
           (dir / "hf").string());
  CHECK(hf.exit_code == 0);
  CHECK(hf.err.find("has no tokenizer.json") != std::string::npos);
  CHECK(nvlm("convert llama --to meta --shards 5 --model " + (dir / "hf").string() + " --out " +
             (dir / "meta").string())
            .exit_code == 1);  // 397 rows of the head
  CHECK(nvlm("convert llama --to meta --model " + (dir / "hf").string() + " --out " +
             (dir / "meta").string())
            .exit_code == 0);
  CHECK(nvlm("convert llama --to hf --model " + (dir / "meta").string() + " --out " +
             (dir / "again").string())
            .exit_code == 0);
  CHECK(read_text_file(dir / "hf/model.safetensors") ==
        read_text_file(dir / "again/model.safetensors"));
  check_refused("llama --to tf --model a --out b", 2, "'tf', expected meta or hf");
  check_refused("llama --to meta --model a --out b --dtype int8", 2, "--dtype is 'int8'");
  check_refused("llama --to hf --model a --out b --shards 2", 2, "expected 1 for --to hf");
  check_refused(
      "llama --to hf --model " + (dir / "hf").string() + " --out " + (dir / "no").string(), 1,
      "is not in Meta's layout");
  CHECK(dir.num_entries() == 3);
}

}  // namespace nvlm::test
