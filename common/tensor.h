// The one name for tensors in this project.
#pragma once

#include <ATen/ATen.h>

namespace nvlm {

using Tensor = at::Tensor;

}  // namespace nvlm
