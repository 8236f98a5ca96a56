// The shipped models on the sample pictures, and pictures that are none.
#include <doctest/doctest.h>

#include <fstream>

#include "eval/table/gfm_parser.h"
#include "tests/cli/program.h"

namespace nvlm::test {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = NVLM_SOURCE_DIR;

bool has_models() {
  for (const char* model : {"nvlm-d", "nvlm-x", "nvlm-h"}) {
    if (!fs::exists(kRoot / "models" / model / "model.safetensors")) {
      MESSAGE("skipped: models/", model, " is not there");
      return false;
    }
  }
  return true;
}

TEST_CASE("every sample becomes a well-formed table, with each model") {
  if (!has_models()) return;
  for (const std::string model : {"d", "x", "h"}) {
    const TempDir dir;
    const ProgramResult result = nvlm("extract --model " + model + " -o " + dir.path().string() +
                                      " " + (kRoot / "docs/samples").string());
    CAPTURE(model);
    CAPTURE(result.err);
    // A table that the model itself does not believe fails, and then the run does.
    const bool says_failed = result.err.find("tables have the status fail") != std::string::npos;
    CHECK(result.exit_code == (says_failed ? 1 : 0));
    int64_t tables = 0;
    for (const auto& entry : fs::directory_iterator(dir.path())) {
      if (entry.path().extension() != ".md") continue;  // extract.jsonl
      std::ifstream file(entry.path());
      const std::string text(std::istreambuf_iterator<char>(file), {});
      const auto table = eval::parse_gfm_table(text);
      CAPTURE(entry.path().string());
      CHECK(table.has_value());
      if (table) CHECK_FALSE(table->is_ragged());
      ++tables;
    }
    CHECK(tables >= 12);
  }
}

TEST_CASE("one bad picture does not stop the others") {
  if (!has_models()) return;
  const TempDir dir;
  fs::create_directories(dir / "in");
  fs::copy_file(kRoot / "docs/samples/staff.png", dir / "in/good.png");
  std::ofstream(dir / "in/text.png") << "this is no picture";
  std::ofstream(dir / "in/empty.png");
  const ProgramResult result = nvlm("extract -o " + (dir / "out").string() + " " +
                                    (dir / "in").string() + " " + (dir / "missing.png").string());
  CAPTURE(result.err);
  CHECK(result.exit_code == 1);
  CHECK(fs::exists(dir / "out/good.md"));
  CHECK_FALSE(fs::exists(dir / "out/text.md"));
  for (const char* name : {"text.png", "empty.png", "missing.png"}) {
    CHECK(result.err.find(name) != std::string::npos);
  }
  CHECK(result.err.find("3 of 4 files failed") != std::string::npos);
}

TEST_CASE("an output that cannot be written is an error") {
  if (!has_models()) return;
  const ProgramResult result =
      nvlm("extract -o /proc/nvlm/table.md " + (kRoot / "docs/samples/staff.png").string());
  CHECK(result.exit_code == 1);
  CHECK(result.err.find("/proc/nvlm/table.md") != std::string::npos);
}

}  // namespace
}  // namespace nvlm::test
