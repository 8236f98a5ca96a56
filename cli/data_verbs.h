// The verbs below `nvlm data`.
#pragma once

#include "cli/verb.h"

namespace nvlm::cli {

/// nvlm data check: what of a set can be trained on, and how long its samples are.
int run_data_check(const Arguments& arguments);

}  // namespace nvlm::cli
