// Compares what a checkpoint stores with what it is to be loaded into.
#pragma once

#include <map>
#include <string>

#include "common/tensor.h"

namespace nvlm::experiments {

/// Every tensor that `stored` lacks, has in another shape, or has in vain: one line each, beginning
/// with a newline; empty if both fit.
std::string state_misfits(const std::map<std::string, Tensor>& own,
                          const std::map<std::string, Tensor>& stored);

}  // namespace nvlm::experiments
