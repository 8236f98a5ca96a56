// What this machine can do at best: the floors that measured speeds are compared with.
#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

namespace nvlm::experiments {

/// Best of several square matrix products, in FLOP/s.
/// size  rows and columns; large enough to leave the caches' comfort, small enough to be quick
double matmul_peak(at::ScalarType dtype, at::Device device, int64_t size = 1536);

/// Best of several passes that read an array far larger than the caches, in bytes/s: the floor of
/// decoding, which reads every weight once per token.
double memory_bandwidth(at::Device device, int64_t bytes = int64_t{1} << 28);

}  // namespace nvlm::experiments
