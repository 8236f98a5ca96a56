// The one place that knows Gloo, which moves tensors between processes over TCP.
#pragma once

#include <c10/util/intrusive_ptr.h>

#include <chrono>
#include <cstdint>
#include <string>

namespace c10d {
class Backend;
class Store;
}  // namespace c10d

namespace nvlm::experiments {

/// Connects this process with all others of the group.
/// address  of the store: a group on one machine talks over the loopback interface
/// timeout  of every operation; far longer than a step, because a worker that is gone is noticed at
///          once and rank 0 may be busy with validation for a while
/// throws   std::runtime_error if this build has no Gloo, or a worker cannot be reached
c10::intrusive_ptr<c10d::Backend> make_gloo(const c10::intrusive_ptr<c10d::Store>& store,
                                            const std::string& address, int64_t rank, int64_t size,
                                            std::chrono::milliseconds timeout);

}  // namespace nvlm::experiments
