// Prepares batches ahead on worker threads and hands them out in order.
#pragma once

#include <any>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace nvlm::experiments {

/// Item i is `prepare(i)`; next() returns items `first`, `first + 1`, ... whatever the number of
/// workers. An exception of prepare() is thrown again by the next() that would return its item.
class Prefetcher {
 public:
  using Prepare = std::function<std::vector<std::any>(int64_t)>;

  /// last      one past the last item
  /// workers   threads; 0 = prepare inside next()
  /// capacity  items prepared ahead at most, >= 1
  Prefetcher(Prepare prepare, int64_t first, int64_t last, int64_t workers, int64_t capacity);
  ~Prefetcher();
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  /// The next item; throws std::out_of_range past the last.
  std::vector<std::any> next();

  /// Seconds that next() spent waiting so far.
  double seconds_waited() const { return seconds_waited_; }

 private:
  struct Slot {
    std::vector<std::any> value;
    std::exception_ptr error;
  };

  void work();
  Slot prepare_slot(int64_t item) const;

  const Prepare prepare_;
  const int64_t last_, capacity_;
  std::mutex mutex_;
  std::condition_variable room_, ready_;
  std::map<int64_t, Slot> slots_;  // prepared, not yet handed out
  int64_t next_to_prepare_, next_to_return_;
  bool stopping_ = false;
  double seconds_waited_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace nvlm::experiments
