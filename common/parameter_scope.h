// How the parameters of new modules are made: of which dtype, where, and whether they get values.
// A model of a checkpoint is built without drawing numbers that the file replaces, and a model that
// is only counted is built without memory.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <vector>

namespace nvlm {

struct ParameterStyle {
  at::ScalarType dtype = at::kFloat;
  at::Device device = at::kCPU;  // meta: shapes alone, nothing is allocated
  bool initialise = true;        // false: what the memory holds, for weights that are loaded next
  /// Where a stack of layers lies that is spread over several devices: of each layer, and last of
  /// what follows the stack. Empty: on `device`, like all the rest.
  std::vector<at::Device> layer_devices = {};
};

/// While it lives, modules that this thread constructs make their parameters in this style. Scopes
/// nest; without one the default style holds.
class ParameterScope {
 public:
  explicit ParameterScope(const ParameterStyle& style);
  ~ParameterScope();
  ParameterScope(const ParameterScope&) = delete;
  ParameterScope& operator=(const ParameterScope&) = delete;

 private:
  ParameterStyle outer_;
};

/// The innermost scope's style for layer `depth` of a stack and what stands before it; as many as
/// there are layers: for what follows the stack.
/// throws  c10::Error if the style knows fewer layers
ParameterStyle style_at_depth(int64_t depth);

/// Memory for a parameter in the style of the innermost scope; its values are up to the caller, who
/// asks initialises_parameters() before it gives any.
at::Tensor new_parameter(at::IntArrayRef shape);

/// The same, filled with `value` where parameters are initialised.
at::Tensor new_parameter(at::IntArrayRef shape, double value);

/// Whether a constructor has to give its parameters values; never on the meta device.
bool initialises_parameters();

}  // namespace nvlm
