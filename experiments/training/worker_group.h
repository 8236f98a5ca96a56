// The processes that train one model together, and what they say to each other.
#pragma once

#include <c10/core/Device.h>
#include <c10/util/Exception.h>
#include <c10/util/intrusive_ptr.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/error.h"
#include "common/tensor.h"
#include "experiments/training/launch_environment.h"

namespace c10d {
class ProcessGroup;
}

namespace nvlm::experiments {

class WorkerLink;

/// A group of workers, one process each; rank 0 alone writes the run. In a group of one nothing is
/// sent, and every function returns what it was given. Collective functions must be called by all
/// workers in the same order; they throw what c10d throws when a worker is gone, and explain()
/// then says which one.
class WorkerGroup {
 public:
  /// One process alone.
  WorkerGroup();

  /// Waits until all workers have come: Gloo between processors, NCCL between GPUs.
  /// device  of this worker's tensors
  /// throws  std::runtime_error naming the ranks that did not come within five minutes, or if this
  ///         build lacks the library for `device`
  WorkerGroup(const LaunchEnvironment& environment, at::Device device);
  ~WorkerGroup();
  WorkerGroup(WorkerGroup&&) noexcept;
  WorkerGroup& operator=(WorkerGroup&&) = delete;

  int64_t rank() const { return rank_; }
  int64_t size() const { return size_; }
  bool is_first() const { return rank_ == 0; }

  /// Collective: the sum over all workers, shape and dtype as `value`, on every worker.
  Tensor sum(const Tensor& value) const;
  /// Collective: whether any worker's `mine` is true.
  bool any(bool mine) const;
  /// Collective: `tensors` of worker `from` are copied into those of all others; shapes agree.
  void broadcast(const std::vector<Tensor>& tensors, int64_t from) const;
  /// Collective: each worker's text, by rank, on every worker.
  std::vector<std::string> gather(const std::string& text) const;

  /// One worker to another; both call with tensors of the same shape, dtype and device type.
  void send(const Tensor& tensor, int64_t to) const;
  void receive(const Tensor& tensor, int64_t from) const;

  /// What together() calls. Call it once with the message of the exception that ends this worker,
  /// before the process ends. Takes three seconds at most where no other worker failed first.
  /// returns  `message`, if it is this worker's own failure, which the others are then told; else a
  ///          message that names the rank that failed or does not answer any more
  std::string explain(const std::string& message) const;

  /// Collective: the last thing that workers do together, so that none misses another afterwards.
  /// Only the destructor may follow.
  void leave() const;

  /// For c10d's own engines. A group of one has none.
  const c10::intrusive_ptr<c10d::ProcessGroup>& handle() const;

 private:
  int64_t rank_ = 0, size_ = 1;
  std::unique_ptr<WorkerLink> link_;  // absent in a group of one
};

/// Runs what all workers do together. An exception says afterwards which worker is the reason, and
/// stays a UsageError if it was one.
template <class Work>
auto together(const WorkerGroup& workers, const Work& work) -> decltype(work()) {
  if (workers.size() == 1) return work();
  try {
    return work();
  } catch (const UsageError& error) {
    throw UsageError(workers.explain(error.what()));
  } catch (const c10::Error& error) {
    throw std::runtime_error(workers.explain(error.what_without_backtrace()));
  } catch (const std::exception& error) {
    throw std::runtime_error(workers.explain(error.what()));
  }
}

}  // namespace nvlm::experiments
