// nvlm plot and nvlm report, from a stored suite to files.
#include <doctest/doctest.h>

#include <cstdlib>

#include "common/atomic_file.h"
#include "tests/cli/program.h"
#include "tests/experiments/stored_suites.h"

namespace nvlm::test {
namespace {

namespace fs = std::filesystem;

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("plot and report read a stored suite") {
  const TempDir dir;
  write_made_suite(dir / "tags", tile_tags_suite());
  const std::string folder = (dir / "tags").string();
  const ProgramResult plot =
      nvlm("plot " + folder + " --figure tile-tags --out " + (dir / "plots").string());
  CAPTURE(plot.err);
  CHECK(plot.exit_code == 0);
  for (const char* form : {".csv", ".svg", ".png", ".pdf", ".txt", ".gp"}) {
    CHECK(fs::exists(dir / "plots" / ("tile-tags-micro-tile-tags" + std::string(form))));
  }
  const ProgramResult report = nvlm("report " + folder + " --out " + (dir / "r.html").string() +
                                    " --markdown " + (dir / "r.md").string());
  CAPTURE(report.err);
  CHECK(report.exit_code == 0);
  CHECK(holds(read_text_file(dir / "r.html"), "<!DOCTYPE html>"));
  CHECK(holds(read_text_file(dir / "r.md"), "Tile tags help"));
  CHECK(holds(nvlm("plot --list").out, "accuracy-tiles"));
}

TEST_CASE("plot and report say what is wrong with their input") {
  const TempDir dir;
  write_made_suite(dir / "tags", tile_tags_suite());
  const std::string folder = (dir / "tags").string(), page = (dir / "r.html").string();
  const auto check = [](const std::string& arguments, int exit_code, const std::string& part) {
    const ProgramResult result = nvlm(arguments);
    CAPTURE(arguments);
    CAPTURE(result.err);
    CHECK(result.exit_code == exit_code);
    CHECK(holds(result.err, part));
  };
  check("report --out " + page, 2, "at least one folder");
  check("report " + folder, 2, "--out or --markdown");
  check("report " + folder + " " + folder + "/ --out " + page, 2, "given twice");
  check("plot " + folder, 2, "--out");
  check("plot " + folder + " --figure tile-tag --out " + page, 2, "did you mean 'tile-tags'");
  check("plot " + folder + " --figure flops-samples --out " + page, 2, "cannot be made");
  fs::create_directory(dir / "empty");
  check("report " + (dir / "empty").string() + " --out " + page, 1, "it is empty");
  fs::remove(dir / "tags" / "none" / "1d" / "seed-2" / "run.json");
  check("report " + folder + " --out " + page, 1, "tile-tags/none/1d/seed-2");
  CHECK(!fs::exists(page));
}

TEST_CASE("without gnuplot, plot names the package and still writes the points") {
  const TempDir dir;
  write_made_suite(dir / "tags", tile_tags_suite());
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", "/nowhere", 1);
  const ProgramResult plot =
      nvlm("plot " + (dir / "tags").string() + " --out " + (dir / "plots").string());
  ::setenv("PATH", path.c_str(), 1);
  CHECK(plot.exit_code == 1);
  CHECK(holds(plot.err, "gnuplot-nox"));
  CHECK(fs::exists(dir / "plots" / "tile-tags-micro-tile-tags.csv"));
  CHECK(fs::exists(dir / "plots" / "tile-tags-micro-loss-curves.csv"));
}

}  // namespace
}  // namespace nvlm::test
