// Whole-tensor checks for tests.
#pragma once

#include <doctest/doctest.h>

#include "common/tolerance.h"

namespace nvlm::test {

/// Fails the test, with the largest difference and where it is, unless the tensors are close.
inline void check_close(const Tensor& actual, const Tensor& expected, Tolerance bound) {
  const TensorDifference difference = compare_tensors(actual, expected, bound);
  CHECK_MESSAGE(difference.close, difference.describe());
}

/// With the bound for the dtype of `expected`.
inline void check_close(const Tensor& actual, const Tensor& expected) {
  check_close(actual, expected, tolerance(expected.scalar_type()));
}

}  // namespace nvlm::test
