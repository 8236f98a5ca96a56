// NCCL, which moves tensors between GPUs. LibTorch has it in its CUDA back end, which is loaded at
// run time only (common/device.h), so it comes as a module beside the program: nccl_module.cc.
#pragma once

#include <c10/util/intrusive_ptr.h>

#include <chrono>
#include <cstdint>

namespace c10d {
class Backend;
class Store;
}  // namespace c10d

namespace nvlm::experiments {

/// Connects this process's current GPU with those of the others.
/// timeout  after which NCCL's watchdog ends the process
/// throws   std::runtime_error if there is no module (CMake option NVLM_NCCL) or it cannot be
/// loaded
c10::intrusive_ptr<c10d::Backend> make_nccl(const c10::intrusive_ptr<c10d::Store>& store,
                                            int64_t rank, int64_t size,
                                            std::chrono::milliseconds timeout);

}  // namespace nvlm::experiments
