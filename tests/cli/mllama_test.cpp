// nvlm generate with the golden Llama 3.2 Vision checkpoint.
#include "tests/cli/program.h"
#include "tests/support/golden.h"

namespace nvlm::test {
namespace {

std::string mllama_command(const std::string& more) {
  const std::filesystem::path folder = golden("08_mllama");
  return "generate --model " + folder.string() + " --image " + (folder / "image0.png").string() +
         " --prompt 'What is drawn here?' " + more;
}

TEST_CASE("generate: Llama 3.2 Vision answers, the same each time") {
  const ProgramResult answer = nvlm(mllama_command("--max-new-tokens 8"));
  CHECK(answer.exit_code == 0);
  CHECK(answer.err.empty());
  CHECK(answer.out.size() > 4);
  CHECK(answer.out == nvlm(mllama_command("--max-new-tokens 8")).out);
}

TEST_CASE("generate: Llama 3.2 Vision has the grids of its checkpoint") {
  const ProgramResult tiles = nvlm(mllama_command("--max-tiles 3"));
  CHECK(tiles.exit_code == 2);
  CHECK(tiles.err.find("max_tiles is 3, expected 0 for Llama 3.2 Vision") != std::string::npos);
}

}  // namespace
}  // namespace nvlm::test
