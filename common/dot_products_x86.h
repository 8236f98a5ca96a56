// The vector kernels of dot_products.h for x86.
#pragma once

#include "common/dot_products.h"

namespace nvlm {

/// `fallback` with every kernel replaced for which this processor has a faster one; as it is on
/// other architectures.
DotProducts with_x86_kernels(DotProducts fallback);

}  // namespace nvlm
