// In which dtype stored weights can be kept.
#pragma once

#include <string>

#include "common/weight_source.h"

namespace nvlm {

/// The dtype that holds every floating-point tensor of `weights` without loss; rotary frequencies,
/// which are computed rather than stored, do not count. float32 where there is none.
/// prefix  of the names that count
at::ScalarType widest_dtype(const WeightSource& weights, const std::string& prefix = "");

}  // namespace nvlm
