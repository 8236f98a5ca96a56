// Small helpers of the vision tests.
#pragma once

#include <filesystem>
#include <string>

#include "common/safetensors.h"
#include "tests/support/golden.h"
#include "tests/support/tensors.h"

namespace nvlm::test {

/// Two uint8 tensors differ nowhere by more than `levels`.
inline void check_levels(const Tensor& actual, const Tensor& expected, double levels = 0) {
  check_close(actual, expected, Tolerance{levels, 0});
}

inline SafetensorsFile open_golden(const std::string& name, const std::string& file) {
  return SafetensorsFile::open(golden(name) / file);
}

/// Random 8-bit picture [height, width, 3].
inline Tensor random_picture(int64_t height, int64_t width) {
  return at::randint(0, 256, {height, width, 3}, at::kByte);
}

}  // namespace nvlm::test
