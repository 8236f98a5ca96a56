// The peak that a training step's speed is set against (model FLOPs utilisation).
#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <optional>
#include <string>

namespace nvlm::experiments {

/// Matrix products' FLOP/s of one process at best: on the CPU measured once per process, dtype and
/// number of threads (matmul_peak of efficiency/floors.h, about half a second), on a GPU published.
/// Nothing where a GPU's name is not among those of published_peak().
std::optional<double> compute_peak(at::Device device, at::ScalarType dtype);

/// Dense tensor-core FLOP/s of bfloat16, or FLOP/s of float32, as NVIDIA's data sheets give them.
/// gpu  as the driver names it: "NVIDIA H100 80GB HBM3"
std::optional<double> published_peak(const std::string& gpu, at::ScalarType dtype);

}  // namespace nvlm::experiments
