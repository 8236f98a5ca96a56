// nvlm data render: synthetic tables with ground truth, in the folder format that `eval tables`
// reads.
#include <filesystem>

#include "cli/data_verbs.h"
#include "cli/options.h"
#include "common/error.h"
#include "common/nearest_name.h"
#include "experiments/data/dataset_writer.h"

namespace nvlm::cli {
namespace {

int run_render(const Arguments& arguments) {
  int64_t count = 0, seed = 0;
  std::string difficulty, out;
  VerbOptions options("data render [options]",
                      "Renders synthetic tables with ground truth. Table i depends on the seed and "
                      "on i alone; training never draws from these streams.",
                      "nvlm data render --difficulty easy --seed 7 --count 500 --out runs/easy-7");
  options.add()("difficulty", po::value(&difficulty)->default_value("easy"),
                "tiny, easy, medium or hard")("seed", po::value(&seed)->default_value(7),
                                              "of the random numbers")(
      "count", po::value(&count)->default_value(100), "number of tables")(
      "out", po::value(&out)->required(), "folder to write");
  if (!options.parse(arguments)) return 0;
  if (count < 1) throw UsageError("--count is " + std::to_string(count) + ", expected 1 or more");
  if (seed < 0) throw UsageError("--seed is " + std::to_string(seed) + ", expected 0 or more");
  experiments::write_dataset(out, experiments::difficulty_preset(difficulty),
                             static_cast<uint64_t>(seed), count);
  return 0;
}

}  // namespace

int run_data(const Arguments& arguments) {
  if (!arguments.empty() && arguments[0] == "render") {
    return run_render({arguments.begin() + 1, arguments.end()});
  }
  if (!arguments.empty() && arguments[0] == "check") {
    return run_data_check({arguments.begin() + 1, arguments.end()});
  }
  if (!arguments.empty() && (arguments[0] == "--help" || arguments[0] == "-h")) {
    run_render({"--help"});
    return run_data_check({"--help"});
  }
  const std::string given = arguments.empty() ? "nothing" : "'" + arguments[0] + "'";
  throw UsageError("data: expected render or check, found " + given +
                   (arguments.empty() ? "" : did_you_mean(arguments[0], {"render", "check"})));
}

}  // namespace nvlm::cli
