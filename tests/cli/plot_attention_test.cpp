// nvlm plot --attention, as a program.
#include <filesystem>

#include "common/atomic_file.h"
#include "tests/cli/program.h"

namespace nvlm::test {
namespace {

const std::string kSample =
    (std::filesystem::path(NVLM_SOURCE_DIR) / "docs/samples/bees.png").string();

TEST_CASE("plot --attention: shares and a heat map of a shipped model") {
  const TempDir dir;
  write_file_atomically(dir / "truth.md", "| Hive | Frames |\n| --- | --- |\n| Willow | 10 |\n");
  const ProgramResult result =
      nvlm("plot --attention h --image " + kSample + " --truth " + (dir / "truth.md").string() +
           " --cell 1,0 --layers 1 --out " + (dir / "out").string());
  CAPTURE(result.err);
  REQUIRE(result.exit_code == 0);
  CHECK(result.out == (dir / "out" / "attention-map-nvlm-h.png").string() + "\n" +
                          (dir / "out" / "attention-mass-nvlm-h.svg").string() + "\n");
  for (const char* file : {"attention-map-nvlm-h.png", "attention-map-nvlm-h.csv",
                           "attention-mass-nvlm-h.pdf", "attention-mass-nvlm-h.csv"}) {
    CHECK(std::filesystem::file_size(dir / "out" / file) > 0);
  }
  const std::string csv = read_text_file(dir / "out" / "attention-mass-nvlm-h.csv");
  CHECK(csv.find("layer 1") != std::string::npos);
  CHECK(csv.find("layer 0") == std::string::npos);
}

TEST_CASE("plot --attention: usage") {
  const TempDir dir;
  const auto refused = [&](const std::string& arguments, const std::string& part) {
    const ProgramResult result =
        nvlm("plot --out " + (dir / "out").string() + " --attention " + arguments);
    CAPTURE(result.err);
    CHECK(result.exit_code == 2);
    CHECK(result.err.find(part) != std::string::npos);
  };
  refused("h", "--attention needs --image");
  refused("h --image " + kSample + " --cell 1", "--cell: '1', expected ROW,COLUMN");
  refused("h --image " + kSample + " --cell 1,0 --tag 1", "--cell or --tag");
  refused("h --image " + kSample + " --cell 40,0", "no cell 40,0");
  refused("h --image " + kSample + " --tag 1", "tag 1 is not in the sequence");
  refused("h --image " + kSample + " --layers 7", "layer 7, the model has 4");
  refused("d --image " + kSample + " --blocks 0", "block 0, the model has 0");
  CHECK_FALSE(std::filesystem::exists(dir / "out"));
}

}  // namespace
}  // namespace nvlm::test
