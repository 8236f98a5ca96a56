// The module behind nccl_backend.h. It alone is linked with LibTorch's CUDA back end; CMake builds
// it with NVLM_NCCL=ON, where CUDA's and NCCL's headers are.
#define USE_C10D_NCCL 1
#include <chrono>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

extern "C" void nvlm_make_nccl(c10::intrusive_ptr<c10d::Backend>& backend,
                               const c10::intrusive_ptr<c10d::Store>& store, int rank, int size,
                               std::chrono::milliseconds timeout) {
  auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = timeout;
  backend = c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, size, options);
}
