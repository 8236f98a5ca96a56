// --device-map of the verbs that load a model.
#include "common/device.h"
#include "tests/cli/program.h"
#include "tests/support/golden.h"

namespace nvlm::test {
namespace {

std::string described_picture(const std::string& more) {
  const std::filesystem::path folder = golden("07b_nvlm_d");
  return "generate --max-new-tokens 8 --model " + folder.string() + " --image " +
         (folder / "image.png").string() + " " + more;
}

}  // namespace

TEST_CASE("--device-map: what does not make sense is a usage error") {
  const auto check = [](const std::string& options, const std::string& part) {
    CAPTURE(options);
    const ProgramResult result = nvlm(described_picture(options));
    CAPTURE(result.err);
    CHECK(result.exit_code == 2);
    CHECK(result.out.empty());
    CHECK(result.err.find(part) != std::string::npos);
  };
  check("--device-map atuo", "--device-map: 'atuo' is no device map, expected none or auto");
  check("--device-map auto --device cpu",
        "--device-map is auto and --device is cpu, expected one of them: drop --device");
  check("--device-map auto --quantize int8", "--device-map is auto and --quantize is int8");
}

TEST_CASE("--device-map auto: without a GPU all lies on the CPU, and a line says so") {
  const ProgramResult spread = nvlm(described_picture("--device-map auto"));
  CAPTURE(spread.err);
  CHECK(spread.exit_code == 0);
  CHECK(spread.err.find("device map: ") != std::string::npos);
  if (device_memories().size() > 1) {
    MESSAGE("the rest is skipped: this machine has a GPU");
    return;
  }
  CHECK(spread.err.find("device map: cpu takes the embedding, layers 0 to ") != std::string::npos);
  CHECK(spread.out == nvlm(described_picture("--device cpu")).out);
  const ProgramResult alone = nvlm(described_picture("--device-map none --device cpu"));
  CHECK(alone.out == spread.out);
  CHECK(alone.err.empty());
}

}  // namespace nvlm::test
