// nvlm verify: whether stored results say what their rows say.
#include <algorithm>
#include <iostream>

#include "cli/options.h"
#include "experiments/ablations/suite_manifest.h"

namespace nvlm::cli {

int run_verify(const Arguments& arguments) {
  bool all = false;
  VerbOptions options(
      "verify [options] DIR...",
      "Derives every headline number of stored suites again from their rows, hashes "
      "their files again, and says what differs. Exit code 1 if anything does.",
      "nvlm verify docs/results/comparison/fusion");
  options.add()("all", po::bool_switch(&all), "print what is the same as well");
  options.positional("suite");
  const auto values = options.parse(arguments);
  if (!values) return 0;
  const auto folders = (*values)["suite"].as<std::vector<std::string>>();
  if (folders.empty()) throw UsageError("verify: expected at least one folder of a suite");
  bool is_same = true;
  for (const std::string& folder : folders) {
    const std::vector<experiments::Verification> checks = experiments::verify_suite(folder);
    const auto num_different = std::count_if(checks.begin(), checks.end(),
                                             [](const auto& check) { return !check.is_same; });
    for (const experiments::Verification& check : checks) {
      if (check.is_same && !all) continue;
      std::cout << (check.is_same ? "same       " : "different  ") << check.what << ": stored "
                << check.stored << ", derived " << check.derived << "\n";
    }
    std::cout << folder << ": " << checks.size() - static_cast<size_t>(num_different) << " of "
              << checks.size() << " the same (numbers within " << experiments::kVerifyTolerance
              << " of their size)\n";
    is_same = is_same && num_different == 0;
  }
  return is_same ? 0 : 1;
}

}  // namespace nvlm::cli
