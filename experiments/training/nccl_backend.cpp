#include "experiments/training/nccl_backend.h"

#include <dlfcn.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

namespace nvlm::experiments {

c10::intrusive_ptr<c10d::Backend> make_nccl(const c10::intrusive_ptr<c10d::Store>& store,
                                            int64_t rank, int64_t size,
                                            std::chrono::milliseconds timeout) {
  const std::filesystem::path module =
      std::filesystem::read_symlink("/proc/self/exe").parent_path() / "libnvlm_nccl.so";
  if (!std::filesystem::exists(module)) {
    throw std::runtime_error("training: there is no '" + module.string() +
                             "', so processes cannot train together on GPUs; build with "
                             "-DNVLM_NCCL=ON (docs/distributed.md)");
  }
  void* library = dlopen(module.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* function = library == nullptr ? nullptr : dlsym(library, "nvlm_make_nccl");
  if (function == nullptr) {
    const char* reason = dlerror();
    throw std::runtime_error("training: cannot load '" + module.string() +
                             "': " + (reason != nullptr ? reason : "unknown reason"));
  }
  using Maker = void (*)(c10::intrusive_ptr<c10d::Backend>&, const c10::intrusive_ptr<c10d::Store>&,
                         int, int, std::chrono::milliseconds);
  c10::intrusive_ptr<c10d::Backend> backend;
  reinterpret_cast<Maker>(function)(backend, store, static_cast<int>(rank), static_cast<int>(size),
                                    timeout);
  return backend;
}

}  // namespace nvlm::experiments
