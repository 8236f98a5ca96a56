// Folders of stored suites as arguments.
#pragma once

#include <string>
#include <vector>

#include "experiments/ablations/suite_results.h"

namespace nvlm::cli {

/// Opens every folder.
/// verb    names the verb in errors
/// throws  UsageError without a folder, or if one is given twice; std::runtime_error as open_suite
std::vector<experiments::EvaluatedSuite> open_suites(const std::string& verb,
                                                     const std::vector<std::string>& folders);

}  // namespace nvlm::cli
