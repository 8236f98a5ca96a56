#include "common/widest_dtype.h"

#include <c10/core/ScalarType.h>

#include <optional>

namespace nvlm {

at::ScalarType widest_dtype(const WeightSource& weights, const std::string& prefix) {
  std::optional<at::ScalarType> widest;
  for (const std::string& name : weights.names()) {
    if (!name.starts_with(prefix) || name.ends_with("rope.freqs") || name.ends_with("inv_freq")) {
      continue;
    }
    const at::ScalarType dtype = weights.entry(name).dtype;
    if (!c10::isFloatingType(dtype)) continue;
    widest = widest ? c10::promoteTypes(*widest, dtype) : dtype;
  }
  return widest.value_or(at::kFloat);
}

}  // namespace nvlm
