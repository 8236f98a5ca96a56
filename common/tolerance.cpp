#include "common/tolerance.h"

#include <cmath>
#include <limits>
#include <sstream>
#include <stdexcept>

namespace nvlm {
namespace {

std::vector<int64_t> index_of(int64_t position, at::IntArrayRef sizes) {
  std::vector<int64_t> index(sizes.size());
  for (size_t i = sizes.size(); i-- > 0;) {
    index[i] = position % sizes[i];
    position /= sizes[i];
  }
  return index;
}

Tensor as_flat_double(const Tensor& tensor) {
  return tensor.detach().to(at::kCPU, at::kDouble).contiguous().view({-1});
}

}  // namespace

Tolerance tolerance(at::ScalarType dtype) {
  switch (dtype) {
    case at::kDouble:
      return {1e-10, 1e-9};
    case at::kFloat:
      return {1e-5, 1e-4};
    case at::kHalf:
      return {2e-3, 4e-3};
    case at::kBFloat16:
      return {1e-2, 3e-2};
    default:
      if (!at::isIntegralType(dtype, /*includeBool=*/true)) {
        throw std::invalid_argument(std::string("tolerance: no bound for ") + c10::toString(dtype));
      }
      return {0, 0};
  }
}

TensorDifference compare_tensors(const Tensor& actual, const Tensor& expected, Tolerance bound) {
  TensorDifference result;
  if (!actual.defined() || !expected.defined()) {
    result.problem = actual.defined() ? "expected is undefined" : "actual is undefined";
    return result;
  }
  if (actual.sizes() != expected.sizes()) {
    std::ostringstream text;
    text << "shape " << actual.sizes() << ", expected " << expected.sizes();
    result.problem = text.str();
    return result;
  }
  const Tensor flat_actual = as_flat_double(actual);
  const Tensor flat_expected = as_flat_double(expected);
  const double* a = flat_actual.const_data_ptr<double>();
  const double* e = flat_expected.const_data_ptr<double>();
  result.elements = actual.numel();
  int64_t worst = -1;
  double worst_difference = -1;
  for (int64_t i = 0; i < result.elements; ++i) {
    double difference = a[i] == e[i] ? 0 : std::abs(a[i] - e[i]);
    if (std::isnan(difference)) difference = std::numeric_limits<double>::infinity();
    result.largest = std::max(result.largest, difference);
    const bool violates =
        difference > 0 && !(difference <= bound.absolute + bound.relative * std::abs(e[i]) &&
                            std::isfinite(difference));
    // The first violation displaces any harmless difference; later ones must be larger.
    if (violates && result.violations++ == 0) worst_difference = -1;
    if ((violates || result.violations == 0) && difference > worst_difference) {
      worst = i;
      worst_difference = difference;
    }
  }
  if (worst >= 0) {
    result.where = index_of(worst, actual.sizes());
    result.actual = a[worst];
    result.expected = e[worst];
  }
  result.close = result.violations == 0;
  return result;
}

std::string TensorDifference::describe() const {
  if (!problem.empty()) return problem;
  if (elements == 0) return "both are empty";
  std::ostringstream text;
  text.precision(9);
  text << "largest difference " << largest << "; at " << at::IntArrayRef(where) << ": " << actual
       << ", expected " << expected << " (" << violations << " of " << elements
       << " beyond the tolerance)";
  return text.str();
}

}  // namespace nvlm
