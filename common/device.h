// What the program runs on: threads, processor features, the CUDA back end, the compute dtype.
#pragma once

#include <ATen/core/ATen_fwd.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <string>
#include <vector>

namespace nvlm {

/// Processors this process may use: its affinity, lowered by a cgroup's quota and by the
/// environment variable OMP_NUM_THREADS. At least 1.
int available_threads();

/// Sets the number of threads for LibTorch's kernels; 0 = available_threads().
/// throws  UsageError for a negative number
void set_threads(int threads);

/// The number of threads in use.
int num_threads();

/// The processor's name, as /proc/cpuinfo gives it; "unknown" where there is none.
std::string processor_name();

/// Vector extensions that decide about speed, such as "avx2 avx512f avx512_bf16 amx_tile"; "none".
std::string processor_features();

/// The processor multiplies bfloat16 matrices in hardware (AVX512-BF16 or AMX). Without it LibTorch
/// takes hundreds of times longer than in float32.
bool processor_has_fast_bfloat16();

/// "cpu", "cuda" or "cuda:1" (device 0 if none is named). For CUDA the back end is loaded first,
/// from the folder where LibTorch itself lies, and the device must exist. throws  UsageError for
/// another name; std::runtime_error if there is no CUDA back end, no driver or
///         no such device, with the reason
at::Device parse_device(const std::string& text);

/// A device and what a model may take of its memory.
struct DeviceMemory {
  at::Device device;
  int64_t free = 0;  // bytes
};

/// This machine's devices in order of preference, cuda:0, cuda:1, ... and last the CPU, with the
/// memory that is free now. Of a CUDA device a tenth of that is left alone, for workspaces and gaps
/// between blocks. Where CUDA cannot be used the reason is logged for debugging, and the CPU stands
/// alone.
/// throws  std::runtime_error if /proc/meminfo does not say what is free
std::vector<DeviceMemory> device_memories();

/// The dtype to compute in.
/// request  auto: bfloat16 on CUDA and on processors with fast bfloat16, float32 elsewhere;
///          float32 or bfloat16: as asked
/// throws   UsageError for another request
at::ScalarType compute_dtype(at::Device device, const std::string& request);

}  // namespace nvlm
