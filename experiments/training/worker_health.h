// Which of the workers are alive: each counts up a number in the common store, and the first one
// that fails leaves its reason there.
#pragma once

#include <c10/util/intrusive_ptr.h>

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

namespace c10d {
class Store;
}

namespace nvlm::experiments {

class WorkerHealth {
 public:
  /// store  a connection of its own: calls of others on the same one would hold up the counting
  WorkerHealth(c10::intrusive_ptr<c10d::Store> store, int64_t rank, int64_t size);
  ~WorkerHealth();
  WorkerHealth(const WorkerHealth&) = delete;
  WorkerHealth& operator=(const WorkerHealth&) = delete;

  /// As WorkerGroup::explain().
  std::string explain(const std::string& message);

 private:
  void count();
  /// What the first failed worker left, "" if none. Caller holds store_mutex_.
  std::string read_failure();
  std::string silent_worker();

  const int64_t rank_, size_;
  c10::intrusive_ptr<c10d::Store> store_;
  std::mutex store_mutex_;  // guards store_ and failure_
  std::string failure_;     // of another worker
  std::mutex stop_mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace nvlm::experiments
