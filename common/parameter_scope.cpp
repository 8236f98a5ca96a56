#include "common/parameter_scope.h"

#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include "common/large_pages.h"

namespace nvlm {
namespace {

ParameterStyle& innermost_style() {
  static thread_local ParameterStyle style;
  return style;
}

}  // namespace

ParameterScope::ParameterScope(const ParameterStyle& style) : outer_(innermost_style()) {
  innermost_style() = style;
}

ParameterScope::~ParameterScope() { innermost_style() = outer_; }

ParameterStyle style_at_depth(int64_t depth) {
  ParameterStyle style = innermost_style();
  if (style.layer_devices.empty()) return style;
  const auto known = static_cast<int64_t>(style.layer_devices.size());
  TORCH_CHECK(depth >= 0 && depth < known, "parameter scope: depth ", depth,
              " of a stack, expected 0 to ", known - 1, ", of which the devices are known");
  style.device = style.layer_devices[static_cast<size_t>(depth)];
  return style;
}

at::Tensor new_parameter(at::IntArrayRef shape) {
  const ParameterStyle& style = innermost_style();
  if (style.device.is_cpu()) return empty_in_large_pages(shape, style.dtype);
  return at::empty(shape, at::TensorOptions(style.dtype).device(style.device));
}

at::Tensor new_parameter(at::IntArrayRef shape, double value) {
  at::Tensor parameter = new_parameter(shape);
  if (initialises_parameters()) parameter.fill_(value);
  return parameter;
}

bool initialises_parameters() {
  const ParameterStyle& style = innermost_style();
  return style.initialise && !style.device.is_meta();
}

}  // namespace nvlm
