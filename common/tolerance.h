// One table of error bounds by dtype, and the comparison of whole tensors against it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/tensor.h"

namespace nvlm {

/// Two numbers are close if |actual - expected| <= absolute + relative * |expected|.
struct Tolerance {
  double absolute = 0;
  double relative = 0;
};

/// The bound for results computed in `dtype`; exact for integers and bool.
Tolerance tolerance(at::ScalarType dtype);

/// The result of compare_tensors.
struct TensorDifference {
  bool close = false;
  double largest = 0;          // largest |actual - expected|; infinite where either is NaN
  std::vector<int64_t> where;  // its index, or that of the worst violation when not close
  double actual = 0;           // the values there
  double expected = 0;
  int64_t violations = 0;  // elements beyond the tolerance
  int64_t elements = 0;
  std::string problem;  // not empty: the tensors cannot be compared (shapes differ)

  /// One line: "largest difference 0.25; at [1, 2]: 1.25, expected 1 (3 of 12 beyond ...)".
  std::string describe() const;
};

/// Compares element by element in double. Shapes must be equal, dtypes need not be. NaN is close to
/// nothing, an infinity to itself only.
TensorDifference compare_tensors(const Tensor& actual, const Tensor& expected, Tolerance bound);

}  // namespace nvlm
