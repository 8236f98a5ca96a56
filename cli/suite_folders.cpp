#include "cli/suite_folders.h"

#include <set>

#include "common/atomic_folder.h"
#include "common/error.h"

namespace nvlm::cli {

std::vector<experiments::EvaluatedSuite> open_suites(const std::string& verb,
                                                     const std::vector<std::string>& folders) {
  if (folders.empty()) {
    throw UsageError(verb + ": expected at least one folder that `nvlm ablate` wrote");
  }
  std::vector<experiments::EvaluatedSuite> suites;
  std::set<std::filesystem::path> opened;
  for (const std::string& folder : folders) {
    suites.push_back(experiments::open_suite(folder));
    if (!opened.insert(plain_folder_path(folder)).second) {
      throw UsageError(verb + ": '" + folder + "' is given twice");
    }
  }
  return suites;
}

}  // namespace nvlm::cli
