// The tensors of a model by module, for inspect.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/json.h"

namespace nvlm::eval {

/// A tensor of a file, or one that a file of the model would hold.
struct StoredTensor {
  std::string name, dtype, file;  // the format's name of the dtype; the file's name, or ""
  std::vector<int64_t> shape;
  int64_t elements = 0, bytes = 0;
  bool is_weight = false;  // floating-point
};

/// Sums over the tensors of a module; those of the layers of a stack count as one module.
/// returns  rows of "module", "count" (layers), "parameters", "tensors", "bytes", "dtypes", in the
///          order of their names
Json module_table(const std::vector<StoredTensor>& tensors);

}  // namespace nvlm::eval
