#include "experiments/training/gloo_backend.h"

// The wheel has Gloo but not its headers; Debian's libgloo-dev has those.
#if __has_include(<gloo/algorithm.h>)
#define NVLM_HAS_GLOO 1
#define USE_C10D_GLOO 1
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#else
#include <torch/csrc/distributed/c10d/Backend.hpp>
#endif

#include <cstdlib>
#include <stdexcept>

namespace nvlm::experiments {

#ifdef NVLM_HAS_GLOO

c10::intrusive_ptr<c10d::Backend> make_gloo(const c10::intrusive_ptr<c10d::Store>& store,
                                            const std::string& address, int64_t rank, int64_t size,
                                            std::chrono::milliseconds timeout) {
  auto options = c10d::ProcessGroupGloo::Options::create(timeout);
  const char* interface = std::getenv("GLOO_SOCKET_IFNAME");
  if (interface != nullptr) {
    options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForInterface(interface));
  } else if (address == "localhost" || address.starts_with("127.")) {
    // The machine's own name need not resolve.
    options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1"));
  } else {
    options->devices.push_back(c10d::ProcessGroupGloo::createDefaultDevice());
  }
  return c10::make_intrusive<c10d::ProcessGroupGloo>(store, static_cast<int>(rank),
                                                     static_cast<int>(size), options);
}

#else

c10::intrusive_ptr<c10d::Backend> make_gloo(const c10::intrusive_ptr<c10d::Store>&,
                                            const std::string&, int64_t, int64_t,
                                            std::chrono::milliseconds) {
  throw std::runtime_error(
      "training: this program was built without Gloo's headers, so processes cannot train "
      "together; install libgloo-dev and build again");
}

#endif

}  // namespace nvlm::experiments
