// Half-precision forward passes over float32 weights, for the life of a scope.
#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

namespace nvlm {

/// Until destroyed, matrix operations on this thread and device type run in `dtype`; kFloat changes
/// nothing. Converted copies of trainable float32 weights are kept until the outermost scope ends.
class AutocastScope {
 public:
  AutocastScope(c10::DeviceType device, c10::ScalarType dtype);
  ~AutocastScope();
  AutocastScope(const AutocastScope&) = delete;
  AutocastScope& operator=(const AutocastScope&) = delete;

 private:
  const c10::DeviceType device_;
  const bool active_;
  bool was_enabled_ = false;
  c10::ScalarType previous_dtype_ = c10::kFloat;
};

}  // namespace nvlm
