#include "common/check.h"

#include <c10/util/Exception.h>

#include <string>

namespace nvlm {
namespace {

std::string shape_pattern(at::IntArrayRef sizes) {
  std::string text = "[";
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (i > 0) text += ", ";
    text += sizes[i] < 0 ? "*" : std::to_string(sizes[i]);
  }
  return text + "]";
}

}  // namespace

void expect_shape(const Tensor& tensor, at::IntArrayRef expected, std::string_view name) {
  TORCH_CHECK(tensor.defined(), name, " is an undefined tensor, expected ",
              shape_pattern(expected));
  const at::IntArrayRef sizes = tensor.sizes();
  bool matches = sizes.size() == expected.size();
  for (size_t i = 0; matches && i < sizes.size(); ++i) {
    matches = expected[i] < 0 || sizes[i] == expected[i];
  }
  TORCH_CHECK(matches, name, " is ", shape_pattern(sizes), ", expected ", shape_pattern(expected));
}

void expect_dtype(const Tensor& tensor, at::ScalarType expected, std::string_view name) {
  TORCH_CHECK(tensor.defined(), name, " is an undefined tensor, expected ",
              c10::toString(expected));
  TORCH_CHECK(tensor.scalar_type() == expected, name, " is ", c10::toString(tensor.scalar_type()),
              ", expected ", c10::toString(expected));
}

}  // namespace nvlm
