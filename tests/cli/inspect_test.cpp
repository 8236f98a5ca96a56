// nvlm inspect, on presets and on folders.
#include <doctest/doctest.h>

#include "common/atomic_file.h"
#include "common/json.h"
#include "common/safetensors.h"
#include "tests/cli/program.h"

namespace nvlm::test {
namespace {

bool prints(const ProgramResult& result, const std::string& line) {
  CAPTURE(line);
  const bool found = result.out.find(line) != std::string::npos;
  CHECK(found);
  return found;
}

TEST_CASE("inspect --preset counts a model that nobody could load here") {
  const ProgramResult result = nvlm("inspect --preset llama-3.1-405b");
  CHECK(result.exit_code == 0);
  prints(result, "family      Llama (LlamaForCausalLM)");
  prints(result, "parameters  405,853,388,800 in 1,137 tensors");
  prints(result,
         "1623.41 GB in float32, 811.71 GB in bfloat16, 405.85 GB in int8, 202.93 GB in int4");
  prints(result, "context     131,072 tokens");
  prints(result, "per token 1.03 MB in float32, 516.10 kB in bfloat16");
  prints(result, "at full context 135.29 GB in float32, 67.65 GB in bfloat16");
  CHECK(result.out.find("stored") == std::string::npos);
  prints(nvlm("inspect --preset nvlm-h-72b"), "by the paper, unpublished");
}

TEST_CASE("inspect --presets is the table of docs/llama-ladder.md") {
  const ProgramResult result = nvlm("inspect --presets");
  CHECK(result.exit_code == 0);
  std::istringstream lines(result.out);
  const std::string document =
      read_text_file(std::filesystem::path(NVLM_SOURCE_DIR) / "docs/llama-ladder.md");
  for (std::string line; std::getline(lines, line);) {
    CAPTURE(line);
    CHECK(document.find(line + "\n") != std::string::npos);
  }
}

TEST_CASE("inspect of several presets as JSON") {
  const ProgramResult result = nvlm("inspect --preset gpt2 --preset internvit-300m --json");
  const Json reports = parse_json(result.out, "stdout");
  REQUIRE(reports.size() == 2);
  CHECK(reports[0]["parameters"] == 124'439'808);
  CHECK(reports[1]["family"] == "InternViT");
}

TEST_CASE("inspect of a folder tells context, memory and pictures") {
  const ProgramResult result =
      nvlm("inspect " + (std::filesystem::path(NVLM_SOURCE_DIR) / "models/nvlm-h").string());
  CHECK(result.exit_code == 0);
  prints(result, "family      NVLM Lab (NVLM_H)");
  for (const char* part : {"context     ", "at full context ", "picture     ", "in the memory",
                           "memory      weights and caches "}) {
    prints(result, part);
  }
}

TEST_CASE("inspect of an unknown architecture lists the supported families") {
  const TempDir dir;
  write_safetensors(dir / "model.safetensors", {{"a.weight", at::zeros({2, 2})}});
  write_json(dir / "config.json", {{"architectures", {"MistralForCausalLM"}}});
  const ProgramResult result = nvlm("inspect " + dir.path().string());
  CHECK(result.exit_code == 0);
  prints(result, "family      unknown (MistralForCausalLM)");
  prints(result, "supported are Llama, Qwen2, GPT-2, InternViT, InternVL chat, NVLM-D, NVLM Lab");
}

TEST_CASE("inspect refuses unknown presets") {
  const ProgramResult result = nvlm("inspect --preset lama-3.2-1b");
  CHECK(result.exit_code == 2);
  CHECK(result.err.find("did you mean 'llama-3.2-1b'") != std::string::npos);
  CHECK(nvlm("inspect").exit_code == 2);
}

}  // namespace
}  // namespace nvlm::test
