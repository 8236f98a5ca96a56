// Whether a folder of results may be continued by a plan.
#pragma once

#include <string>

#include "experiments/ablations/stored_suite.h"

namespace nvlm::experiments {

/// What keeps runs of `planned` from standing beside those of `stored`: "revision is ..., expected
/// ..."; empty if nothing does. Expected seconds may differ.
std::string continuation_obstacle(const Suite& stored, const Suite& planned);

}  // namespace nvlm::experiments
